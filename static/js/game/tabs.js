/* Other tabs of this browser. A player has one open game at a time, so a game begun in one tab ends that of another; the
player is asked before. Loaded with the first game, or where this browser has one open.

Messages between tabs: {ask: ID}, {playing: ID, mode, score} in reply, and {begun: ID}. */

import { BEGUN_ELSEWHERE, OPENED, emit, loadStyle, make, on } from "../lib/dom.js";
import { modeName } from "../lib/format.js";
import { t } from "../lib/language.js";
import { scoped } from "../storage.js";
import { isSettled } from "./playing.js";
import { IDLE, state } from "./state.js";
import { syncNow } from "./sync.js";

const REPLY_MS = 400; // for another tab to say that it is playing

const tabs = "BroadcastChannel" in window ? new BroadcastChannel(scoped("tabs")) : null;

/** The game with this id, {mode, score}, if another tab is playing it; else null. */
export function findInOtherTab(id) {
  if (!tabs) return null;
  return new Promise((resolve) => {
    const listen = ({ data }) => data.playing === id && settle(data);
    const settle = (found) => {
      tabs.removeEventListener("message", listen);
      resolve(found);
    };
    tabs.addEventListener("message", listen);
    setTimeout(settle, REPLY_MS, null);
    tabs.postMessage({ ask: id });
  });
}

/** Ask the player whether a new game here may end the game of another tab, or another that the title of this `key` names. */
export async function askToEnd({ mode, score }, key = "tabs.title") {
  await loadStyle("dialog.css");
  const title = make("h2", { id: "tabs-title" }, t(key));
  const actions = make("div", { className: "actions" },
    make("button", { className: "primary", value: "" }, t("tabs.keep")), make("button", { value: "end" }, t("tabs.here")));
  const dialog = make("dialog", {}, make("form", { method: "dialog" }, title,
    make("p", {}, t("tabs.note", { count: score, mode: modeName(mode) })), actions));
  dialog.setAttribute("aria-labelledby", title.id);
  document.body.append(dialog);
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve));
  dialog.remove();
  return dialog.returnValue === "end";
}

function tellOthers() {
  tabs?.postMessage({ begun: state.id });
}

tabs?.addEventListener("message", ({ data: { ask, begun } }) => {
  const { id, phase, mode, game } = state;
  if (ask && ask === id && phase !== IDLE && !isSettled()) tabs.postMessage({ playing: id, mode, score: game.score });
  if (!begun) return;
  emit(BEGUN_ELSEWHERE);
  syncNow(); // a game that was played here has ended
});
on(OPENED, tellOthers);
if (state.game) tellOthers();
