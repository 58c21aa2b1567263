/* The API's page: openapi.json as text, with a form to try each call. */

import { describeType, fields, resolve, richText, setComponents } from "./apidocs/schema.js";
import { loadToken, saveToken, tryIt } from "./apidocs/try-it.js";
import { byId, make } from "./lib/dom.js";

const METHODS = ["get", "post", "patch", "put", "delete"];

async function open() {
  const response = await fetch("openapi.json");
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  const description = await response.json();
  setComponents(description.components);
  const base = new URL(description.servers[0].url, response.url);
  byId("version").textContent = description.openapi;
  byId("about").replaceChildren(...description.info.description.split("\n\n").map(paragraph));
  showCalls(description, base);
  showSchemas(description.components.schemas);
  byId("docs").hidden = false; // at once and whole, so that nothing moves
  if (location.hash) follow();
}

function paragraph(text) {
  return make("p", {}, ...richText(text));
}

function showCalls({ tags, paths }, base) {
  for (const { name, description } of tags) {
    const calls = operations(paths).filter(({ operation }) => operation.tags.includes(name));
    const links = calls.map(({ operation: { operationId } }) =>
      make("li", {}, make("a", { href: `#${operationId}` }, titleOf(operationId))));
    addSection(name, titleOf(name), description, calls.map((call) => callOf(call, base)));
    byId("contents").append(make("ul", {}, ...links));
  }
}

function showSchemas(schemas) {
  const details = Object.entries(schemas).map(([name, schema]) => make("details", { id: `shape-${name}`, className: "call" },
    make("summary", {}, make("h3", {}, make("code", {}, name))),
    make("div", { className: "inside" }, ...schema.description ? [paragraph(schema.description)] : [],
      schema.enum ? make("p", {}, ...describeType(schema)) : table(rowsOf(schema)))));
  addSection("shapes", "Shapes", "What the calls take and answer, as JSON.", details);
}

function addSection(id, title, tagline, details) {
  byId("contents").append(make("a", { href: `#${id}`, className: "part" }, title));
  byId("calls").append(
    make("section", { id }, make("h2", {}, title), make("p", { className: "tagline" }, tagline), ...details));
}

function titleOf(name) {
  return name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
}

function operations(paths) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => method in methods).map((method) => ({ method, path, operation: methods[method] })));
}

function callOf({ method, path, operation }, base) {
  const { operationId, summary, description, security, responses } = operation;
  const isTokenOptional = security.some((scheme) => !Object.keys(scheme).length);
  const token = !security.length ? "" : isTokenOptional ? "A token may come along." : "It needs a token.";
  const texts = [description === `${summary}.` ? "" : description, token].filter(Boolean);
  const part = (title, ...content) => make("section", {}, make("h4", {}, title), ...content);
  const inputs = inputsOf(operation);
  return make("details", { id: operationId, className: "call" },
    make("summary", {},
      make("span", { className: `verb ${method}` }, method.toUpperCase()),
      make("h3", {}, make("code", {}, path), make("span", { className: "gist" }, summary))),
    make("div", { className: "inside" },
      ...texts.map(paragraph),
      ...inputs.length ? [part("Takes", ...inputs)] : [],
      part("Try it", tryIt({ method, path, operation, base })),
      part("Answers", table(Object.entries(responses).map(responseRow)))));
}

/** What a call takes: a table of fields, and the body's description. */
function inputsOf({ parameters = [], requestBody }) {
  const body = requestBody?.content["application/json"].schema;
  const rows = parameters.map(({ name, required, schema, description, in: place }) =>
    [nameOf(name, required), [...describeType(schema), place === "path" ? ", in the path" : ""], richText(description)]);
  rows.push(...body ? rowsOf(body) : []);
  const description = body && resolve(body).description;
  return [...rows.length ? [table(rows)] : [], ...description ? [paragraph(description)] : []];
}

function rowsOf(schema) {
  return fields(schema).map(({ name, required, schema: field }) =>
    [nameOf(name, required), describeType(field), richText(field.description)]);
}

function nameOf(name, required) {
  return [make("code", {}, name), required ? "" : make("small", {}, " optional")];
}

function responseRow([status, response]) {
  const { description, content = {}, headers = {} } = { ...resolve(response), ...response };
  const types = Object.values(content).flatMap(({ schema }) => describeType(schema));
  const headerLines = Object.entries(headers).flatMap(([name, { description, schema }]) =>
    [make("br"), make("code", {}, name), ": ", ...description ? richText(description) : describeType(schema)]);
  return [make("code", {}, status), [description, ...headerLines], types.length ? types : "nothing"];
}

function table(rows) {
  const cell = (content) => make("td", {}, ...[content].flat());
  return make("table", {}, make("tbody", {}, ...rows.map(([name, ...others]) =>
    make("tr", {}, make("th", { scope: "row" }, ...[name].flat()), ...others.map(cell)))));
}

function follow() {
  const target = byId(location.hash.slice(1));
  if (target?.matches("details")) target.open = true;
  target?.scrollIntoView();
}

byId("token").value = loadToken();
byId("token").addEventListener("input", () => saveToken(byId("token").value.trim()));
byId("bearer").addEventListener("submit", (event) => event.preventDefault());
byId("as-guest").addEventListener("click", async () => {
  const response = await fetch("auth/guest", { method: "POST" }).catch(() => null);
  const body = await response?.json().catch(() => null);
  if (response?.ok) saveToken(body.token);
  byId("token").value = loadToken();
  const error = body?.detail ?? "The server can't be reached.";
  byId("bearer-note").textContent = response?.ok ? `You are ${body.user.username}.` : error;
});
window.addEventListener("hashchange", follow);
open().catch((error) => {
  byId("docs").hidden = false;
  byId("trouble").textContent = `The description can't be read: ${error.message}. Load the page again.`;
});
