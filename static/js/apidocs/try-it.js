/* A form that makes a call, and shows what is answered; and the token that goes with it, which the tab keeps. */

import { make } from "../lib/dom.js";
import { example, resolve } from "./schema.js";

const KEY = "snakepit.docs.token";
const SHOWN = ["Allow", "Content-Type", "ETag", "Link", "Retry-After", "WWW-Authenticate"];

let kept = "";

export function token() {
  try {
    return sessionStorage.getItem(KEY) ?? kept;
  } catch {
    return kept;
  }
}

export function remember(value) {
  kept = value;
  try {
    sessionStorage.setItem(KEY, value);
  } catch {
    return; // then for this page only
  }
}

/** The form of a call: `said` is what the description has of it, `base` the URL that its path is below. */
export function trial({ method, path, said, base }) {
  const parameters = (said.parameters ?? []).map((parameter) => ({ ...parameter, input: inputOf(parameter.schema) }));
  const content = said.requestBody?.content["application/json"];
  const body = content && make("textarea", { rows: 5, spellcheck: false, value: JSON.stringify(example(content.schema), null, 2) });
  const answer = make("div", { className: "answer" });
  answer.setAttribute("role", "status");
  const send = make("button", { className: "loud" }, "Send");
  const labelled = (name, input, small = "") => {
    input.id = `${said.operationId}-${name}`;
    return make("div", { className: "field" }, make("label", { htmlFor: input.id }, name, make("small", {}, small)), input);
  };
  const form = make("form", { noValidate: true },
    ...parameters.map(({ name, input, required }) => labelled(name, input, required ? "" : "optional")),
    ...body ? [labelled("body", body, "JSON")] : [], send, answer);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    await show(answer, { method: method.toUpperCase(), url: urlOf(path, parameters, base), body: body?.value });
    send.disabled = false;
  });
  return form;
}

function inputOf(schema) {
  const choices = resolve(schema).enum;
  if (!choices) return make("input", { type: schema.format === "date" ? "date" : "text", autocomplete: "off", spellcheck: false });
  return make("select", {}, ...["", ...choices].map((value) => make("option", { value }, value)));
}

function urlOf(path, parameters, base) {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(parameters.find((parameter) => parameter.name === name).input.value));
  const asked = parameters.filter((parameter) => parameter.in === "query" && parameter.input.value);
  const query = new URLSearchParams(asked.map(({ name, input }) => [name, input.value]));
  return `${base.href.replace(/\/$/, "")}${filled}${asked.length ? `?${query}` : ""}`;
}

async function show(answer, { method, url, body }) {
  const headers = {};
  if (token()) headers["X-Snakepit-Token"] = token(); // as api.js does
  if (body) headers["Content-Type"] = "application/json";
  answer.replaceChildren(make("p", {}, "Sent."));
  const began = performance.now();
  try {
    const response = await fetch(url, { method, headers, body: body || undefined, cache: "no-store" });
    const text = await response.text();
    const took = Math.round(performance.now() - began);
    answer.replaceChildren(
      make("p", { className: "sent" }, make("code", {}, `${method} ${url.slice(url.indexOf("/", 8))}`)),
      make("p", { className: response.ok ? "good" : "wrong" },
        make("b", {}, `${response.status} ${response.statusText}`), ` in ${took} ms`),
      make("pre", { tabIndex: 0 }, [...heads(response), "", pretty(text)].join("\n").trim()));
    offer(answer, text);
  } catch {
    answer.replaceChildren(make("p", { className: "problem" }, "The server can't be reached, or its answer was cut off."));
  }
}

function heads({ headers }) {
  return SHOWN.filter((name) => headers.has(name)).map((name) => `${name}: ${headers.get(name)}`);
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** A token that was answered can be used from now on. */
function offer(answer, text) {
  let found = null;
  try {
    found = JSON.parse(text).token;
  } catch {
    return; // it is no JSON
  }
  if (typeof found !== "string") return;
  const use = make("button", { type: "button" }, "Use this token");
  use.addEventListener("click", () => {
    remember(found);
    document.getElementById("token").value = found;
    use.replaceWith(make("p", {}, "The calls are made with it from now on."));
  });
  answer.append(use);
}
