/* The words of the page, in the language of the browser or of the setting `language`.

`languages/XX.json` has all words of a language: {key: text}, with `{score}` in the place of a value; `{name}` is a
player's. Where a count decides between forms, the text is an object of them by the plural category of the value `count`.
A folder in `languages/` has the same for a part of the page that is loaded later, see `addWords`. index.html has the English words, so that they are there before any script; its attributes `data-t` name their keys. */

import { load, onChange, save } from "../storage.js";
import { LANGUAGE, emit, make } from "./dom.js";

export const LANGUAGES = { // by their own names
  en: "English", de: "Deutsch", fr: "Français", es: "Español", pt: "Português", it: "Italiano", nl: "Nederlands",
  pl: "Polski", ja: "日本語", zh: "中文",
};
const RETRY_MS = 2000;
const ATTRIBUTES = { tLabel: "aria-label", tTitle: "title", tPlaceholder: "placeholder" }; // by their name in `dataset`

const folders = [""]; // of the catalogues that the page uses

let words, plurals, ordinals, numbers, formats;

export let language; // its code
export let locale; // the language with the browser's region, for dates

await setLanguage(load("language") ?? preferred());
onChange("language", async () => { // it was chosen in another tab
  await setLanguage(load("language") ?? preferred());
  emit(LANGUAGE);
});

/** The first of the browser's languages that there is a catalogue for. */
function preferred() {
  return navigator.languages.map((tag) => tag.split("-")[0]).find((code) => code in LANGUAGES) ?? "en";
}

/** Show the page in a language from now on; null: in that of the browser. */
export async function chooseLanguage(code) {
  save("language", code);
  await setLanguage(code ?? preferred());
  emit(LANGUAGE);
}

async function setLanguage(code) {
  const found = await catalogue(code) ?? await catalogue("en");
  if (!found) { // there is no page without words
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    return setLanguage(code);
  }
  [language, words] = found;
  locale = regional(language);
  formats = {};
  plurals = ordinals = numbers = null; // made at their first use: on a phone they take a tenth of a second
  document.documentElement.lang = language;
  document.documentElement.dir = new Intl.Locale(language).getTextInfo?.().direction ?? "ltr";
  document.documentElement.style.setProperty("--loading", JSON.stringify(t("replay.loading"))); // style sheets have no words
  translate(document);
}

/** The language as the browser's own list has it, with a region; English without one puts the day before the month. */
function regional(code) {
  const found = navigator.languages.find((tag) => tag.split("-")[0] === code) ?? code;
  return found === "en" ? "en-GB" : found;
}

/** Return a language's code and words; null if they can't be loaded. */
async function catalogue(code) {
  try {
    return [code, Object.assign({}, ...await Promise.all(folders.map((folder) => read(folder, code))))];
  } catch {
    return null;
  }
}

async function read(folder, code) {
  const response = await fetch(new URL(`../../languages/${folder}${code}.json`, import.meta.url));
  return response.ok ? response.json() : Promise.reject(response);
}

/** Load the words of a part of the page, too: the catalogues in a folder such as "rooms/". */
export async function addWords(folder) {
  if (folders.includes(folder)) return;
  const code = language, found = await read(folder, code).catch(() => read(folder, "en"));
  if (code !== language) return addWords(folder); // another was chosen meanwhile
  folders.push(folder);
  Object.assign(words, found);
}

/** Return the text of a key, with `values` in their places; numbers are grouped as the language does it. */
export function t(key, values = {}) {
  return parts(key, values).join("");
}

function plural(count) {
  return (plurals ??= new Intl.PluralRules(language)).select(count);
}

/** The same as a list of texts and values, which may be elements, for `append`. */
export function parts(key, values = {}) {
  const found = words[key], text = found.other ? found[plural(values.count)] ?? found.other : found;
  return filled(text, values);
}

/** The same with a player's `name` as an element, which may run from right to left. */
export function named(key, values) {
  return parts(key, { ...values, name: make("bdi", {}, values.name) });
}

/** Set the text of a key, or none; it touches the page only where something changes. */
export function setWords(element, key = null, values = {}) {
  if (element.textContent !== (key ? t(key, values) : "")) element.replaceChildren(...key ? named(key, values) : []);
}

/** Whether there is a text for a key that somebody else has made, such as the server. */
export function hasText(key) {
  return Object.hasOwn(words, key);
}

/** A text as a sentence, with its full stop. */
export function sentence(text) {
  return /[.!?…。！？]$/.test(text) ? text : t("text.sentence", { text });
}

/** Return "3rd", or what the language has for it. */
export function ordinal(count) {
  const forms = words["rank.ordinal"];
  ordinals ??= new Intl.PluralRules(language, { type: "ordinal" });
  return filled(forms[ordinals.select(count)] ?? forms.other, { count }).join("");
}

/** Texts and values, in turn. */
function filled(text, values) {
  const value = (name) => typeof values[name] === "number" ? number(values[name]) : values[name];
  return text.split(/\{(\w+)\}/).map((part, n) => n % 2 ? value(part) : part);
}

/** "12,400" */
export function number(value) {
  numbers ??= new Intl.NumberFormat(locale, { useGrouping: "min2" }); // scores have four digits at most
  return numbers.format(value);
}

/** "12%" */
export function percent(value) {
  return new Intl.NumberFormat(locale, { style: "percent" }).format(value / 100);
}

/** A format of dates, with the options of Intl.DateTimeFormat. */
export function dates(options) {
  return formats[JSON.stringify(options)] ??= new Intl.DateTimeFormat(locale, options);
}

/** Put the words of the language into markup: `data-t` for text, `data-t-label` and others for attributes. Children with
`data-slot` take the places of that name. */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-t]")) setWithSlots(element, words[element.dataset.t]);
  for (const [name, attribute] of Object.entries(ATTRIBUTES)) {
    const selector = `[data-${name.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)}]`;
    for (const element of root.querySelectorAll(selector)) element.setAttribute(attribute, words[element.dataset[name]]);
  }
}

function setWithSlots(element, text) {
  const slots = Object.fromEntries(Array.from(element.querySelectorAll(":scope > [data-slot]"), (child) =>
    [child.dataset.slot, child]));
  element.replaceChildren(...filled(text, slots));
}
