/* Schemas in words, in rows of fields, and as examples. What the description says becomes text, never markup. */

import { make } from "../lib/dom.js";

let components = {};

export function useComponents(found) {
  components = found;
}

/** What a reference leads to; anything else is itself. */
export function resolve(said) {
  if (!said.$ref) return said;
  const [kind, name] = said.$ref.split("/").slice(-2);
  return components[kind][name];
}

/** A sentence as text, with what stands between backticks as code. */
export function about(sentence = "") {
  return sentence.split("`").map((piece, index) => (index % 2 ? make("code", {}, piece) : piece));
}

/** The fields of an object: [{name, required, schema}]. */
export function fields(schema) {
  const { properties = {}, required = [] } = resolve(schema);
  return Object.entries(properties).map(([name, field]) => ({ name, required: required.includes(name), schema: field }));
}

/** What a value is, as pieces of text and links. */
export function words(schema) {
  if (schema.$ref && !resolve(schema).enum) {
    const name = schema.$ref.split("/").pop();
    return [make("a", { href: `#shape-${name}` }, name)];
  }
  const said = schema.default === undefined || schema.default === null || schema.default === "" ? []
    : ["; else ", make("code", {}, String(schema.default))];
  return [...kind(schema), ...said];
}

function kind(schema) {
  if (schema.anyOf) return joined(schema.anyOf.map(words), " or ");
  const choices = resolve(schema).enum;
  if (choices) return joined(choices.map((value) => [make("code", {}, value)]), " or ");
  if (schema.const) return [make("code", {}, schema.const)];
  if (schema.prefixItems) return ["[", ...joined(schema.prefixItems.map(words), ", "), "]"];
  if (schema.items) return ["array of ", ...words(schema.items)];
  if (schema.additionalProperties) return ["object of ", ...words(schema.additionalProperties)];
  return [`${schema.format ?? schema.type ?? "anything"}${bounds(schema)}`];
}

function bounds({ minimum, maximum, maxLength }) {
  if (maxLength !== undefined) return ` of up to ${maxLength} characters`;
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  return minimum === undefined ? "" : ` from ${minimum} on`;
}

function joined(lists, between) {
  return lists.flatMap((list, index) => (index ? [between, ...list] : list));
}

/** The simplest value of a schema: of its fields those that are needed, or else the first. */
export function example(schema) {
  const said = resolve(schema);
  if ((said.default ?? null) !== null) return said.default;
  if (said.anyOf) return example(said.anyOf[0]);
  if (said.enum) return said.enum[0];
  if (said.const) return said.const;
  if (said.prefixItems) return said.prefixItems.map(example);
  if (said.type === "object") {
    const needed = fields(said).filter(({ required }) => required);
    const shown = needed.length ? needed : fields(said).slice(0, 1);
    return Object.fromEntries(shown.map((field) => [field.name, example(field.schema)]));
  }
  return { array: [], boolean: false, integer: said.minimum ?? 0, number: 0, null: null }[said.type] ?? "";
}
