/* What a member sees of a room: its code, what is on, the standings, who is there, and what the host can do. */

import { state } from "../game/state.js";
import { ending, outcome } from "../game/playing.js";
import { byId, focusAction, make, setAttribute, setHidden, setText, setTitle } from "../lib/dom.js";
import { gameAddress, modeName } from "../lib/format.js";
import { number, ordinal, t } from "../lib/language.js";
import { qrAddress, readInvite, removeMember, renameMember } from "./calls.js";
import { ENDED, NONE, RUNNING, WAITING, comesAt, phaseOf, secondsToStart } from "./clock.js";
import { forget } from "./entry.js";
import { makeHost, makeTools, showHost } from "./host.js";
import { canOpen, endOther, isPlaying, otherGame } from "./match.js";
import { button, clock, makeForm, setName, terms } from "./parts.js";
import { makeTables, showOverall, showStandings } from "./tables.js";

const SAY_MS = 5000; // between two numbers of players
export const LOST = 2; // failures in a row, of which the page tells
const COUNTS = [30, 20, 10, 5]; // seconds to the start that are said

let isLeaving = false;
let saidAt = -Infinity;

/** The elements of the page. */
export function makePage(opened, { poll, play }) {
  const { code } = opened;
  const address = make("p", { id: "room-address", className: "label" }), local = make("p", { className: "problem" });
  showAddress(code, address, local);
  const act = (call) => async () => {
    opened.problem = null;
    await call().catch((problem) => { opened.problem = problem.message; });
    await poll();
  };
  return [
    make("div", { className: "page-head" },
      make("div", {}, make("h1", { id: "room-title", tabIndex: -1, dir: "auto" }),
        make("p", { id: "room-note", className: "tagline" })),
      make("div", { className: "room-code" }, make("p", { className: "number" }, code),
        address, local,
        make("p", { className: "room-links plain-links" }, make("a", { href: qrAddress(code), target: "_blank" }, t("rooms.qr")),
          make("a", { href: `#/rooms/${code}/screen` }, t("rooms.screen"))))),
    make("section", { id: "room-now", className: "card" }, status("room-lost"),
      make("p", { id: "room-problem", className: "problem", role: "alert" }),
      make("h2", { id: "room-what" }), make("p", { id: "room-terms", className: "optional muted" }), Object.assign(status("room-said"), { className: "sr-only" }),
      make("div", { className: "room-numbers" }, labelled("score.label", "room-score"), labelled("rooms.timeLeft", "room-count")),
      status("room-place"),
      make("p", { id: "room-other", className: "optional" }),
      make("div", { className: "actions" }, id("room-end-other", button("rooms.endOther", act(() => endOther(code, opened.room.round)))),
        id("room-play", button("rooms.playRound", play, "primary")),
        id("room-take-over", makeTools(opened, act).takeOver),
        ...["rooms.watchOwn", "rooms.watchBest"].map((key) => make("a", { className: "secondary", hidden: true }, t(key))))),
    makeHost(opened, act),
    make("div", { className: "room-rest" },
      ...makeTables(),
      make("section", {}, make("h2", { id: "room-members-title", tabIndex: -1 }, t("rooms.members"), " ", make("small", { id: "room-number" })),
        make("ul", { id: "room-members" })),
      make("p", { id: "room-say", className: "sr-only", ariaLive: "polite" }),
      make("div", {}, make("details", {}, make("summary", {}, t("rooms.renameMe")),
        makeForm("room-rename-me", [{ name: "name", label: "rooms.newName", maxLength: 20 }], "form.save",
          ({ name }) => renameMember(code, opened.member, name), poll)),
      button("rooms.leave", leave(opened)))),
  ];
}

/** The address for others is known to the server, which others may reach by another than this page. */
async function showAddress(code, element, local) {
  const { address, isLocal } = await readInvite(code).catch(() => ({ address: "", isLocal: false }));
  const [before, after] = t("rooms.address", { address }).split(code);
  if (address) element.replaceChildren(before, make("span", {}, code), after); // no line ends within the code
  setText(local, isLocal ? t("rooms.local") : "");
}

function status(name) {
  const made = make("p", { id: name, className: "optional" });
  made.setAttribute("role", "status");
  return made;
}

function labelled(key, name) {
  return make("p", { className: "optional" }, make("span", { className: "label" }, t(key)),
    make("span", { id: name, className: "number" }));
}

function id(name, element) {
  element.id = name;
  return element;
}

function leave(opened) {
  const { code, member } = opened;
  return async () => {
    if (isLeaving) return;
    isLeaving = true;
    const problem = await removeMember(code, member).catch((found) => found);
    isLeaving = false;
    opened.problem = problem?.isTransient ? problem.message : null;
    if (opened.problem) return;
    forget(code);
    location.hash = "#/rooms";
  };
}

/** Show the room as of `now`; it touches only what has changed. */
export function showPage(opened, now) {
  const { room, member, problem, failures } = opened, isHost = room.host === member, focused = document.activeElement;
  setName(byId("room-title"), room.name === room.code ? t("rooms.codeLabel") : room.name); // the code is beside it
  setTitle(room.name);
  setText(byId("room-note"), room.locked ? t("rooms.locked") : "");
  setText(byId("room-lost"), failures >= LOST ? t("rooms.lost") : "");
  setText(byId("room-problem"), problem ?? "");
  showNow(opened, now, isHost);
  showHost(opened, isHost, now);
  showStandings(opened);
  showOverall(opened);
  showMembers(opened, isHost);
  say(room, now);
  if (byId("room").contains(focused) && !focused.checkVisibility()) focusNext();
}

/** What had the focus is hidden now. */
function focusNext() {
  focusAction(byId("room"));
  if (!byId("room").contains(document.activeElement) || !document.activeElement.checkVisibility()) byId("room-title").focus();
}

/** What is on: nothing, the countdown, a round, or its result. */
function showNow(opened, now, isHost) {
  const { room: { round }, code } = opened, other = otherGame(code, round);
  const phase = phaseOf(round, now), left = round ? comesAt(round.ends_at) - now : 0;
  const isOwn = state.round?.code === code && state.round.number === round?.number && state.game;
  const isOn = round && isPlaying(code, round);
  const canPlay = phase === RUNNING && !other && canOpen() && (isOn || round.tries === "many" || !isUsed(opened, isOwn));
  setText(byId("room-what"), title(phase, round, isHost, isOwn));
  byId("room-now").dataset.phase = phase;
  const values = round && { number: String(round.number), mode: modeName(round.mode), time: clock(left) };
  setText(byId("room-count"), phase === WAITING ? number(secondsToStart(round, now)) : phase === RUNNING ? clock(left) : "");
  setText(byId("room-said"), phase === WAITING ? t("rooms.starting", values) : "");
  setText(byId("room-terms"), [WAITING, RUNNING].includes(phase) ? terms(round) : "");
  setText(byId("room-score"), isOwn ? number((state.result ?? state.game).score) : "");
  setText(byId("room-place"), place(opened));
  setText(byId("room-other"), other ? t(other.isElsewhere ? "rooms.otherDevice" : "rooms.other") : "");
  setHidden(byId("room-end-other"), !other);
  setHidden(byId("room-play"), !canPlay);
  setText(byId("room-play"), t(isOn ? "play.goOn" : isOwn ? "rooms.again" : "rooms.playRound"));
  showReplays(opened);
}

/** Of a round that is over: the member's own best game, and the best of all. */
function showReplays({ standings, member, room: { round } }) {
  const rows = standings?.isFinal && standings.number === round?.number ? standings.standings : [];
  const own = rows.find((row) => row.id === member), best = rows[0] === own ? null : rows[0];
  const [ownLink, bestLink] = byId("room-now").querySelectorAll(".actions > a");
  for (const [link, row] of [[ownLink, own], [bestLink, best]]) {
    setHidden(link, !row?.game);
    if (row?.game) setAttribute(link, "href", gameAddress(row.game));
  }
}

/** Whether the member has played the only game, as far as is known; one that is open can be continued. */
function isUsed({ standings, member, room: { round } }, isOwn) {
  const isPlayed = ({ id, status }) => id === member && status === "over";
  return Boolean(isOwn || standings?.number !== round.number || standings.standings.some(isPlayed));
}

function title(phase, round, isHost, isOwn) {
  if (phase === NONE) return t(isHost ? "rooms.waitingHost" : "rooms.waiting");
  const values = { number: String(round.number) };
  if (phase === ENDED) return t("rooms.roundOver", values);
  return isOwn && outcome() ? ending() : t("rooms.roundIn", { ...values, mode: modeName(round.mode) });
}

function place({ standings, member, room: { round } }) {
  const own = standings?.number === round?.number && standings?.standings.find((row) => row.id === member);
  return own?.rank ? t("rooms.rankIs", { rank: ordinal(own.rank), of: standings.standings.length }) : "";
}

/** Rows of members who haven't changed stay as they are, with the focus of a button in them. */
function showMembers(opened, isHost) {
  const list = byId("room-members"), rows = new Map(Array.from(list.children, (row) => [row.dataset.key, row]));
  const keyOf = (each) => JSON.stringify([each, each.id === opened.member, isHost]), { members } = opened.room;
  if (members.length === rows.size && members.every((each, n) => list.children[n].dataset.key === keyOf(each))) return;
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  setText(byId("room-number"), number(members.length));
  list.replaceChildren(...members.map((each) => rows.get(keyOf(each)) ?? memberRow(opened, each, keyOf(each), isHost)));
  if (!focused) return;
  if (focused.isConnected) focused.focus();
  else (list.querySelector(`[data-tool="${focused.dataset.tool}"]`) ?? byId("room-members-title")).focus();
}

function memberRow(opened, each, key, isHost) {
  const isOwn = each.id === opened.member;
  const row = make("li", { className: each.is_here ? "" : "is-away" },
    make("span", { className: "ellipsis", dir: "auto" }, each.name),
    ...isOwn ? [tag("rooms.you")] : [], ...each.is_host ? [tag("rooms.host")] : [], ...each.is_here ? [] : [tag("rooms.away")],
    ...each.wins ? [make("small", {}, t("rooms.wins", { count: each.wins }))] : [],
    ...isHost && !isOwn ? [make("span", { className: "room-tools" }, ...opened.tools(each))] : []);
  row.dataset.key = key;
  return row;
}

function tag(key) {
  return make("span", { className: "tag outlined" }, t(key));
}

/** Say the countdown, and how many are here, no more often than it can be listened to. */
function say({ members, round }, now) {
  if (phaseOf(round, now) === WAITING) {
    const seconds = secondsToStart(round, now);
    if (COUNTS.includes(seconds)) setText(byId("room-say"), t("rooms.sayStart", { count: seconds }));
    return;
  }
  if (now - saidAt < SAY_MS) return;
  const words = t("rooms.here", { count: members.filter(({ is_here: isHere }) => isHere).length });
  if (byId("room-say").textContent === words) return;
  saidAt = now;
  setText(byId("room-say"), words);
}
