/* The page of the API: what openapi.json says, as text, with a form to try each call. It knows no call by itself. */

import { make } from "./lib/dom.js";
import { about, fields, resolve, useComponents, words } from "./apidocs/schema.js";
import { remember, token, trial } from "./apidocs/try-it.js";

const METHODS = ["get", "post", "patch", "put", "delete"];
const $ = (id) => document.getElementById(id);

async function open() {
  const response = await fetch("openapi.json");
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  const description = await response.json();
  useComponents(description.components);
  const base = new URL(description.servers[0].url, response.url);
  $("version").textContent = description.openapi;
  $("about").replaceChildren(...description.info.description.split("\n\n").map((words) => make("p", {}, ...about(words))));
  showCalls(description, base);
  showShapes(description.components.schemas);
  $("docs").hidden = false; // at once and whole: nothing moves under one's eyes
  if (location.hash) follow();
}

function showCalls({ tags, paths }, base) {
  for (const { name, description } of tags) {
    const calls = operations(paths).filter(({ said }) => said.tags.includes(name));
    const title = titleOf(name);
    $("contents").append(make("a", { href: `#${name}`, className: "part" }, title),
      make("ul", {}, ...calls.map(({ said }) => make("li", {}, make("a", { href: `#${said.operationId}` }, titleOf(said.operationId))))));
    $("calls").append(make("section", { id: name }, make("h2", {}, title), make("p", { className: "tagline" }, description),
      ...calls.map((call) => callOf(call, base))));
  }
}

function titleOf(name) {
  return name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
}

function operations(paths) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => method in methods).map((method) => ({ method, path, said: methods[method] })));
}

function callOf({ method, path, said }, base) {
  const needs = !said.security.length ? "" : said.security.some((way) => !Object.keys(way).length)
    ? "A token may come along." : "It needs a token.";
  const part = (title, ...content) => make("section", {}, make("h4", {}, title), ...content);
  const taken = takenBy(said);
  return make("details", { id: said.operationId, className: "call" },
    make("summary", {},
      make("span", { className: `verb ${method}` }, method.toUpperCase()),
      make("h3", {}, make("code", {}, path), make("span", { className: "gist" }, said.summary))),
    make("div", { className: "inside" },
      ...[said.description === `${said.summary}.` ? "" : said.description, needs].filter(Boolean).map((words) => make("p", {}, ...about(words))),
      ...taken.length ? [part("Takes", ...taken)] : [],
      part("Try it", trial({ method, path, said, base })),
      part("Answers", table(Object.entries(said.responses).map(answerOf)))));
}

/** What a call takes: a table of fields, and what is to be said of the body. */
function takenBy({ parameters = [], requestBody }) {
  const body = requestBody?.content["application/json"].schema;
  const rows = parameters.map(({ name, required, schema, description, in: place }) =>
    [nameOf(name, required), [...words(schema), place === "path" ? ", in the path" : ""], about(description)]);
  rows.push(...body ? rowsOf(body) : []);
  const said = body && resolve(body).description;
  return [...rows.length ? [table(rows)] : [], ...said ? [make("p", {}, ...about(said))] : []];
}

/** The fields of an object, as rows of a table. */
function rowsOf(schema) {
  return fields(schema).map(({ name, required, schema: field }) =>
    [nameOf(name, required), words(field), about(field.description)]);
}

function nameOf(name, required) {
  return [make("code", {}, name), required ? "" : make("small", {}, " optional")];
}

function answerOf([status, response]) {
  const { description, content = {}, headers = {} } = { ...resolve(response), ...response };
  const shapes = Object.values(content).flatMap(({ schema }) => words(schema));
  const named = Object.entries(headers).flatMap(([name, header]) =>
    [make("br"), make("code", {}, name), ": ", ...header.description ? about(header.description) : words(header.schema)]);
  return [make("code", {}, status), [description, ...named], shapes.length ? shapes : "nothing"];
}

function table(rows) {
  const cell = (content) => make("td", {}, ...[content].flat());
  return make("table", {}, make("tbody", {}, ...rows.map(([name, ...others]) =>
    make("tr", {}, Object.assign(make("th", {}, ...[name].flat()), { scope: "row" }), ...others.map(cell)))));
}

function showShapes(schemas) {
  $("contents").append(make("a", { href: "#shapes", className: "part" }, "Shapes"));
  $("calls").append(make("section", { id: "shapes" }, make("h2", {}, "Shapes"),
    make("p", { className: "tagline" }, "What the calls take and answer, as JSON."),
    ...Object.entries(schemas).map(([name, schema]) => make("details", { id: `shape-${name}`, className: "call" },
      make("summary", {}, make("h3", {}, make("code", {}, name))),
      make("div", { className: "inside" }, ...schema.description ? [make("p", {}, ...about(schema.description))] : [],
        schema.enum ? make("p", {}, ...words(schema)) : table(rowsOf(schema)))))));
}

/** Opens what the address names, and goes there. */
function follow() {
  const target = $(decodeURIComponent(location.hash.slice(1)));
  if (target?.matches("details")) target.open = true;
  target?.scrollIntoView();
}

$("token").value = token();
$("token").addEventListener("input", () => remember($("token").value.trim()));
$("bearer").addEventListener("submit", (event) => event.preventDefault());
$("as-guest").addEventListener("click", async () => {
  const response = await fetch("auth/guest", { method: "POST" }).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (response?.ok) remember(answer.token);
  $("token").value = token();
  $("bearer-note").textContent = response?.ok ? `You are ${answer.user.username}.` : answer?.detail ?? "The server can't be reached.";
});
window.addEventListener("hashchange", follow);
open().catch((error) => {
  $("docs").hidden = false;
  $("trouble").textContent = `The description can't be read: ${error.message}. Load the page again.`;
});
