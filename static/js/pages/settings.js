/* The settings dialog. Loaded when it is first opened; each change takes effect at once, behind it. */

import { playSample } from "../game/sound.js";
import { closeBeside } from "../lib/dialogs.js";
import { byId, loadStyle, make, setHidden } from "../lib/dom.js";
import { LANGUAGES, chooseLanguage, translate } from "../lib/language.js";
import { changeSetting, load, onChange, onSetting, resetSettings } from "../storage.js";

const SAMPLE_MS = 40; // of vibration

const ROWS = [
  choice("theme", "settings.theme", {
    system: "settings.theme.system", light: "settings.theme.light", dark: "settings.theme.dark",
  }),
  choice("palette", "settings.colours", {
    standard: "settings.colours.standard", "colour-blind": "settings.colours.colour-blind",
  }),
  choice("motion", "settings.motion", { system: "settings.motion.system", reduced: "settings.motion.reduced" }),
  toggle("sound", "settings.sound", playSample),
  volume(),
  ...navigator.vibrate ? [toggle("vibration", "settings.vibration", () => navigator.vibrate(SAMPLE_MS))] : [],
  toggle("pad", "settings.pad"),
  toggle("hints", "settings.hints"),
  languages(),
];

const dialog = makeDialog();

export async function openSettings() {
  await Promise.all(["dialog.css", "settings.css"].map(loadStyle));
  await new Promise(requestAnimationFrame); // the HUD has shown the pause, and moved the focus to it
  byId("settings").focus(); // it returns here
  if (!dialog.open) dialog.showModal();
}

function makeDialog() {
  const done = make("p", { className: "optional" }), close = make("button", { className: "secondary icon close" }, "×");
  const title = words("h2", "settings.title"), reset = words("button", "settings.reset");
  const made = make("dialog", { id: "settings-dialog" },
    close, title, make("p", { className: "dialog-paused optional" }), ...ROWS, installation(reset), reset, done);
  title.id = "settings-title";
  made.setAttribute("aria-labelledby", title.id);
  close.dataset.tLabel = "settings.close";
  done.setAttribute("role", "status");
  close.onclick = () => made.close();
  reset.onclick = () => {
    resetSettings();
    chooseLanguage(null).then(() => done.replaceChildren(words("span", "settings.reset.done")));
  };
  window.addEventListener("appinstalled", () => done.replaceChildren(words("span", "settings.installed")));
  made.addEventListener("change", () => done.replaceChildren());
  made.addEventListener("close", () => done.replaceChildren());
  closeBeside(made);
  translate(made);
  document.body.append(made);
  return made;
}

/** An element with the text of a key, in any language that is chosen later, too. */
function words(tag, key) {
  const element = make(tag), holder = make("div", {}, element);
  element.dataset.t = key;
  translate(holder);
  return element;
}

function row(key, control, tag = "label") {
  return make(tag, { className: "setting" }, words("span", key), control);
}

/** One of a few values, whose names are `options`. */
function choice(name, key, options) {
  const radios = Object.entries(options).map(([value, label]) => {
    const radio = make("input", { type: "radio", name: `settings-${name}`, value });
    radio.onchange = () => changeSetting(name, value);
    onSetting(name, (chosen) => (radio.checked = value === chosen));
    return make("label", {}, radio, words("span", label));
  });
  const made = row(key, make("div", { className: "switch" }, ...radios), "div");
  made.firstChild.id = `settings-${name}-label`;
  made.setAttribute("role", "radiogroup");
  made.setAttribute("aria-labelledby", made.firstChild.id);
  return made;
}

/** On or off; `act` shows what it does once it is switched on. */
function toggle(name, key, act = () => {}) {
  const box = make("input", { type: "checkbox", name });
  box.setAttribute("role", "switch");
  box.onchange = () => {
    changeSetting(name, box.checked);
    if (box.checked) act();
  };
  onSetting(name, (isOn) => (box.checked = isOn));
  return row(key, box);
}

function volume() {
  const slider = make("input", { type: "range", name: "volume", min: 5, max: 100, step: 5 });
  slider.oninput = () => changeSetting("volume", Number(slider.value));
  slider.onchange = playSample;
  onSetting("volume", (value) => (slider.value = value));
  onSetting("sound", (isOn) => (slider.disabled = !isOn));
  return row("settings.volume", slider);
}

function languages() {
  const names = Object.entries(LANGUAGES).map(([code, name]) => make("option", { value: code, lang: code }, name));
  const system = words("option", "settings.language.system"), list = make("select", { name: "language" }, system, ...names);
  system.value = "";
  const show = () => (list.value = load("language") ?? "");
  list.onchange = () => chooseLanguage(list.value || null);
  onChange("language", show);
  show();
  return row("settings.language", list);
}

/** A button that installs the page as an app, where the browser offers that; early.js keeps its offer. Once that is used,
the focus goes to `next`. */
function installation(next) {
  const button = words("button", "settings.install"), made = row("settings.app", button, "div");
  const show = ({ type } = {}) => setHidden(made, !window.installOffer || type === "appinstalled");
  Object.assign(button, { type: "button", className: "secondary" });
  button.onclick = () => {
    window.installOffer.prompt().catch(() => {}); // the page was installed meanwhile
    window.installOffer = null; // it works once; a browser that is told "no" may make another
    next.focus();
    show();
  };
  for (const event of ["beforeinstallprompt", "appinstalled"]) window.addEventListener(event, show);
  show();
  return made;
}
