/* The words of the page, in the language of the browser or of the setting `language`.

`languages/XX.json` has all words of a language: {key: text}, with `{name}` in the place of a value. Where a count decides
between forms, the text is an object of them by the plural category of the value `count`. index.html has the English words,
so that they are there before any script; its attributes `data-t` name their keys. */

import { load, save } from "../storage.js";

export const LANGUAGES = { // by their own names
  en: "English", de: "Deutsch", fr: "Français", es: "Español", pt: "Português", it: "Italiano", nl: "Nederlands",
  pl: "Polski", ja: "日本語", zh: "中文",
};
const RETRY_MS = 2000;
const ATTRIBUTES = { tLabel: "aria-label", tTitle: "title", tPlaceholder: "placeholder" }; // by their name in `dataset`

let words, plurals, ordinals, numbers;

export let language; // its code
export let locale; // the language with the browser's region, for dates

await setLanguage(load("language") ?? preferred());

/** The first of the browser's languages that there is a catalogue for. */
function preferred() {
  return navigator.languages.map((tag) => tag.split("-")[0]).find((code) => code in LANGUAGES) ?? "en";
}

/** Show the page in a language from now on; null: in that of the browser. */
export async function chooseLanguage(code) {
  save("language", code);
  await setLanguage(code ?? preferred());
}

async function setLanguage(code) {
  const found = await catalogue(code) ?? await catalogue("en");
  if (!found) { // there is no page without words
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    return setLanguage(code);
  }
  [language, words] = found;
  locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
  plurals = new Intl.PluralRules(language);
  ordinals = new Intl.PluralRules(language, { type: "ordinal" });
  numbers = new Intl.NumberFormat(locale);
  document.documentElement.lang = language;
  document.documentElement.dir = new Intl.Locale(language).getTextInfo?.().direction ?? "ltr";
  translate(document);
}

/** Return a language's code and words; null if they can't be loaded. */
async function catalogue(code) {
  try {
    const response = await fetch(new URL(`../../languages/${code}.json`, import.meta.url));
    return response.ok ? [code, await response.json()] : null;
  } catch {
    return null;
  }
}

/** Return the text of a key, with `values` in their places; numbers are grouped as the language does it. */
export function t(key, values = {}) {
  const found = words[key];
  return filled(typeof found === "object" ? found[plurals.select(values.count)] ?? found.other : found, values);
}

/** Return "3rd", or what the language has for it. */
export function ordinal(count) {
  const forms = words["rank.ordinal"];
  return filled(forms[ordinals.select(count)] ?? forms.other, { count });
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? numbers.format(value) : value;
  });
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
  element.replaceChildren(...text.split(/\{(\w+)\}/).map((part, n) => n % 2 ? slots[part] : part));
}
