/* What the host of a room can do, and how another member becomes the host. */

import { byId, make, setHidden, setText } from "../lib/dom.js";
import { modeName } from "../lib/format.js";
import { named, t } from "../lib/language.js";
import { MODES, WALLS } from "../rules.js";
import { load, save } from "../storage.js";
import { changeRoom, endRound, removeMember, startRoundOf } from "./calls.js";
import { RUNNING, WAITING, phaseOf } from "./clock.js";
import { ask, button, choice, makeForm, select } from "./parts.js";

const MINUTES = [1, 2, 3, 5, 10, 15, 20, 30], STARTS_IN = [5, 10, 20, 30, 60];
const ABSENT_MS = 45_000; // another member can take over a minute after the host was seen; after 15 s the host is shown as away
const DEFAULTS = { mode: WALLS, minutes: 3, tries: "one", startsIn: 10, isPlaying: true };

const lastRound = () => ({ ...DEFAULTS, ...load("roomRound") });

/** The form of the next round, and what else the host can change. */
export function makeHost(opened, act) {
  const { code } = opened, last = lastRound();
  const form = makeForm("room-round", [], "rooms.start", (values) => start(opened, values), act(async () => {}));
  const counted = (key, counts) => Object.fromEntries(counts.map((count) => [count, t(key, { count })]));
  form.prepend(
    choice("mode", t("mode.label"), Object.fromEntries(MODES.map((mode) => [mode, modeName(mode)])), last.mode),
    choice("tries", t("rooms.tries"), { one: t("rooms.triesOne"), many: t("rooms.triesMany") }, last.tries),
    make("div", { className: "pair" },
      select("minutes", t("rooms.minutesLabel"), counted("rooms.minutes", MINUTES), last.minutes),
      select("startsIn", t("rooms.startsInLabel"), counted("rooms.startsIn", STARTS_IN), last.startsIn)));
  const lock = make("input", { type: "checkbox", id: "room-lock" });
  const plays = make("input", { type: "checkbox", id: "room-plays", checked: last.isPlaying });
  plays.onchange = () => save("roomRound", { ...lastRound(), isPlaying: plays.checked });
  lock.onchange = async () => {
    opened.isLocking = true;
    await act(() => changeRoom(code, { locked: lock.checked }))();
    opened.isLocking = false;
  };
  const end = button("rooms.endRound", act(() => endRound(code, opened.room.round.number)));
  end.id = "room-end";
  return make("section", { id: "room-host" }, make("h2", { id: "room-host-title" }), form, end,
    make("label", { className: "tick" }, plays, t("rooms.playAlong")),
    make("label", { className: "tick" }, lock, t("rooms.lock")),
    make("details", {}, make("summary", {}, t("rooms.renameRoom")),
      makeForm("room-rename", [{ name: "name", label: "rooms.roomName", maxLength: 40 }], "form.save",
        ({ name }) => changeRoom(code, { name }), act(async () => {}))));
}

async function start({ code }, { mode, tries, minutes, startsIn }) {
  save("roomRound", { ...lastRound(), mode, tries, minutes: Number(minutes), startsIn: Number(startsIn) });
  await startRoundOf(code, { mode, tries, minutes: Number(minutes), starts_in: Number(startsIn) });
}

/** The buttons beside a member, `opened.tools(member)`, and the one to become the host. */
export function makeTools(opened, act) {
  const { code } = opened;
  opened.tools = (member) => [
    tool("rooms.handOver", member, act(() => changeRoom(code, { host: member.id }))),
    tool("rooms.remove", member, () => remove(opened, member, act)),
  ];
  return { takeOver: button("rooms.takeOver", act(() => changeRoom(code, { host: opened.member }))) };
}

/** A button beside a member; for whom it is, is clear to the eye only. */
function tool(key, { id, name }, act) {
  const made = button(key, act);
  made.setAttribute("aria-label", `${made.textContent}: ${name}`);
  made.dataset.tool = `${key} ${id}`;
  return made;
}

async function remove({ code }, member, act) {
  const choices = { "": "rooms.stay", remove: "rooms.remove", lock: "rooms.removeAndLock" };
  const chosen = await ask(named("rooms.removeTitle", { name: member.name }), "rooms.removeNote", choices);
  if (!chosen) return;
  await act(async () => {
    if (chosen === "lock") await changeRoom(code, { locked: true });
    await removeMember(code, member.id);
  })();
}

/** Whether a member's game begins by itself with a round: the host may only lead. */
export function playsAlong({ room, member }) {
  return room.host !== member || lastRound().isPlaying;
}

export function showHost({ room, isHostAway, isLocking }, isHost, now) {
  const { round } = room, isActive = [WAITING, RUNNING].includes(phaseOf(round, now));
  setHidden(byId("room-host"), !isHost);
  setText(byId("room-host-title"), isActive ? t("rooms.round", { number: String(round.number) }) : t("rooms.hostControls"));
  setHidden(byId("room-round"), isActive);
  setHidden(byId("room-end"), !isActive);
  if (!isLocking) byId("room-lock").checked = room.locked;
  setHidden(byId("room-take-over"), isHost || !isHostAway || now - isHostAway < ABSENT_MS);
}
