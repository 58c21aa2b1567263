/* A form that makes a call and shows the response; and the token it uses, which lasts as long as the tab. */

import { byId, make } from "../lib/dom.js";
import { load, save } from "../storage.js";
import { example, resolve } from "./schema.js";

const SHOWN_HEADERS = ["Allow", "Content-Type", "ETag", "Link", "Retry-After", "WWW-Authenticate"];

export function loadToken() {
  return load("docs.token", "", "sessionStorage");
}

export function saveToken(token) {
  save("docs.token", token, "sessionStorage");
}

/** Return the form of an OpenAPI `operation`; `base` is the URL that its path is below. */
export function tryIt({ method, path, operation, base }) {
  const parameters = (operation.parameters ?? []).map((parameter) => ({ ...parameter, input: inputOf(parameter.schema) }));
  const content = operation.requestBody?.content["application/json"];
  const value = content && JSON.stringify(example(content.schema), null, 2);
  const body = content && make("textarea", { rows: 5, spellcheck: false, value });
  const output = make("div", { className: "answer optional" });
  output.setAttribute("role", "status");
  const send = make("button", { className: "primary" }, "Send");
  const labelled = (name, input, small = "") => {
    input.id = `${operation.operationId}-${name}`;
    return make("div", { className: "field" }, make("label", { htmlFor: input.id }, name, make("small", {}, small)), input);
  };
  const form = make("form", { noValidate: true },
    ...parameters.map(({ name, input, required }) => labelled(name, input, required ? "" : "optional")),
    ...body ? [labelled("body", body, "JSON")] : [], send, output);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    await call(output, { method: method.toUpperCase(), url: urlOf(path, parameters, base), body: body?.value });
    send.disabled = false;
  });
  return form;
}

function inputOf(schema) {
  const choices = resolve(schema).enum;
  if (choices) return make("select", {}, ...["", ...choices].map((value) => make("option", { value }, value)));
  return make("input", { type: schema.format === "date" ? "date" : "text", autocomplete: "off", spellcheck: false });
}

function urlOf(path, parameters, base) {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(parameters.find((parameter) => parameter.name === name).input.value));
  const given = parameters.filter((parameter) => parameter.in === "query" && parameter.input.value);
  const query = new URLSearchParams(given.map(({ name, input }) => [name, input.value]));
  return `${base.href.replace(/\/$/, "")}${filled}${given.length ? `?${query}` : ""}`;
}

async function call(output, { method, url, body }) {
  const headers = {};
  const token = loadToken();
  if (token) headers["X-Snakepit-Token"] = token; // as in api.js
  if (body) headers["Content-Type"] = "application/json";
  output.replaceChildren(make("p", {}, "Sent."));
  const began = performance.now();
  try {
    const response = await fetch(url, { method, headers, body: body || undefined, cache: "no-store" });
    const text = await response.text(), json = parse(text), took = Math.round(performance.now() - began);
    const lines = [...headerLines(response), "", json === undefined ? text : JSON.stringify(json, null, 2)];
    output.replaceChildren(
      make("p", { className: "sent" }, make("code", {}, `${method} ${url.slice(url.indexOf("/", 8))}`)),
      make("p", { className: response.ok ? "good" : "wrong" },
        make("b", {}, `${response.status} ${response.statusText}`), ` in ${took} ms`),
      make("pre", { tabIndex: 0 }, lines.join("\n").trim()));
    if (typeof json?.token === "string") output.append(useButton(json.token));
  } catch {
    output.replaceChildren(make("p", { className: "problem" }, "The server can't be reached, or its answer was cut off."));
  }
}

function headerLines({ headers }) {
  return SHOWN_HEADERS.filter((name) => headers.has(name)).map((name) => `${name}: ${headers.get(name)}`);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON
  }
}

/** A button that uses the token from now on. */
function useButton(token) {
  const onclick = () => {
    saveToken(token);
    byId("token").value = token;
    button.replaceWith(make("p", {}, "The calls are made with it from now on."));
  };
  const button = make("button", { type: "button", onclick }, "Use this token");
  return button;
}
