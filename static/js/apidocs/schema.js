/* JSON schemas in words, as fields, and as examples. */

import { make } from "../lib/dom.js";

let components = {};

export function setComponents(found) {
  components = found;
}

/** Return what a reference leads to; anything else as it is. */
export function resolve(schema) {
  if (!schema.$ref) return schema;
  const [kind, name] = schema.$ref.split("/").slice(-2);
  return components[kind][name];
}

/** Text with `code` between backticks, as nodes. */
export function richText(text = "") {
  return text.split("`").map((piece, index) => (index % 2 ? make("code", {}, piece) : piece));
}

/** The fields of an object: [{name, required, schema}]. */
export function fields(schema) {
  const { properties = {}, required = [] } = resolve(schema);
  return Object.entries(properties).map(([name, field]) => ({ name, required: required.includes(name), schema: field }));
}

/** A type in words and links, with its default. */
export function describeType(schema) {
  if (schema.$ref && !resolve(schema).enum) {
    const name = schema.$ref.split("/").pop();
    return [make("a", { href: `#shape-${name}` }, name)];
  }
  const hasDefault = (schema.default ?? "") !== "";
  return [...typeName(schema), ...hasDefault ? ["; else ", make("code", {}, String(schema.default))] : []];
}

function typeName(schema) {
  if (schema.anyOf) return join(schema.anyOf.map(describeType), " or ");
  const choices = resolve(schema).enum;
  if (choices) return join(choices.map((value) => [make("code", {}, value)]), " or ");
  if (schema.const) return [make("code", {}, schema.const)];
  if (schema.prefixItems) return ["[", ...join(schema.prefixItems.map(describeType), ", "), "]"];
  if (schema.items) return ["array of ", ...describeType(schema.items)];
  if (schema.additionalProperties) return ["object of ", ...describeType(schema.additionalProperties)];
  return [`${schema.format ?? schema.type ?? "anything"}${bounds(schema)}`];
}

function bounds({ minimum, maximum, maxLength }) {
  if (maxLength !== undefined) return ` of up to ${maxLength} characters`;
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  return minimum === undefined ? "" : ` from ${minimum} on`;
}

function join(lists, separator) {
  return lists.flatMap((list, index) => (index ? [separator, ...list] : list));
}

/** The simplest value of a schema: of an object the required fields, or else the first. */
export function example(reference) {
  const schema = resolve(reference);
  if ((schema.default ?? null) !== null) return schema.default;
  if (schema.anyOf) return example(schema.anyOf[0]);
  if (schema.enum) return schema.enum[0];
  if (schema.const) return schema.const;
  if (schema.prefixItems) return schema.prefixItems.map(example);
  if (schema.type === "object") {
    const required = fields(schema).filter((field) => field.required);
    const shown = required.length ? required : fields(schema).slice(0, 1);
    return Object.fromEntries(shown.map((field) => [field.name, example(field.schema)]));
  }
  return { array: [], boolean: false, integer: schema.minimum ?? 0, number: 0, null: null }[schema.type] ?? "";
}
