/* Sharing a game, or a text. */

import { setText } from "./dom.js";
import { gameAddress } from "./format.js";
import { t } from "./language.js";

const SHOWN_MS = 2500;

/** The address of a game's page, whole. */
export function pageAddress(id, tick = null) {
  return new URL(gameAddress(id, tick).replace("#/", ""), location.href.split("#")[0]).href;
}

/** Open the device's share sheet, or copy the link: the address of the game's page, which has a title and a preview, at a
`tick` if given. `button` and `note`, for screen readers, show the outcome for a moment. */
export async function shareGame(button, note, text, id, tick = null) {
  const url = pageAddress(id, tick);
  await share(button, note, { text, url }, url, t("share.copied"));
}

/** The same with a text of several lines and its link, which are copied together. */
export async function shareText(button, note, text, url) {
  await share(button, note, { text, url }, `${text}\n${url}`, t("share.textCopied"));
}

async function share(button, note, shared, copy, copied) {
  try {
    if (navigator.share) return await navigator.share({ title: "Snakepit", ...shared });
    await navigator.clipboard.writeText(copy);
    showOutcome(button, note, copied);
  } catch (problem) {
    if (problem.name !== "AbortError") showOutcome(button, note, t("share.forbidden")); // else it was cancelled
  }
}

/** Show what has become of it in the button's place for a moment, and in `note` for screen readers. */
export function showOutcome(button, note, words) {
  setText(button, words);
  setText(note, words);
  setTimeout(() => {
    setText(button, t(button.dataset.t));
    setText(note, "");
  }, SHOWN_MS);
}
