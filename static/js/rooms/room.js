/* `#/rooms/CODE`: a member's page. It polls the room, lets its rounds begin, and shows who is there and how they did. */

import { guest, session } from "../api.js";
import { byId, focusAction, make, notice, setTitle } from "../lib/dom.js";
import { t } from "../lib/language.js";
import { load, save } from "../storage.js";
import { joinRoom, readRoom, renameMember } from "./calls.js";
import { RUNNING, WAITING, phaseOf } from "./clock.js";
import { forget, remember } from "./entry.js";
import { readNews, readStandings, schedule, startToFollow } from "./follow.js";
import { playsAlong } from "./host.js";
import { LOST, makePage, showPage } from "./lobby.js";
import {
  canOpen, checkOther, isEndSeen, isPlaying, opensAt, otherGame, playRound, savedGame, setShown, showPlay, showRoom,
} from "./match.js";
import { button, makeForm, nameField } from "./parts.js";

const POLL_MS = 1500, HIDDEN_MS = 10_000; // seen every 15 s, a member is there
const WAKING = ["visibilitychange", "online"];
const TICK_MS = 100;
const STANDINGS_MS = 2000;

let current = null; // the open room, as `open` makes it

export async function open(code) {
  const opened = current = {
    ...startToFollow(code),
    member: null, // the id of this member
    standingsAt: -Infinity, // when they were asked for
    awaits: null, // the number of the round that begins by itself
    triesAt: 0, // when it may be opened
    isOpening: false,
    isHostAway: 0, // since when, or 0
    problem: null, // what went wrong, in words
    ticker: 0,
    wayBack: button("rooms.toRoom", showRoom), // from a pause
    onWake: () => document.hidden || poll(opened), // phones stop the timers of a page that is hidden
  };
  try {
    opened.room = await readRoom(code);
    if (current !== opened) return;
    if (session.token) await enter(opened);
    else if (opened.room.locked) showProblem(opened, { code: "room_locked", message: t("problem.room_locked") });
    else askName(opened);
  } catch (problem) {
    if (current === opened) showProblem(opened, problem);
  }
}

export function close() {
  if (!current) return;
  clearInterval(current.ticker);
  clearTimeout(current.poller);
  for (const event of WAKING) window.removeEventListener(event, current.onWake);
  current.wayBack.remove();
  byId("waiting").onclick = null;
  setShown(current.code, false);
  current = null;
}

function showProblem({ code }, problem) {
  const isGone = problem.status === 404;
  if (isGone || problem.status === 403) forget(code);
  const words = isGone ? t("rooms.gone", { code }) : problem.message;
  const element = make("div", { className: "notice" });
  element.setAttribute("role", "alert");
  byId("room").replaceChildren(make("h1", { tabIndex: -1 }, t("nav.rooms")), element);
  const label = t(problem.code === "not_a_member" ? "rooms.join" : "notice.tryAgain");
  const again = { label, act: () => open(code), retryMs: problem.isTransient && POLL_MS };
  notice(element, words, { label: t("rooms.joinTitle"), href: "#/rooms" }, ...isGone ? [] : [again]);
  if (isGone) return;
  setTitle(t("nav.rooms"));
}

/** Join, or be back. Who has no name yet, or whose name is taken, is asked for one. */
async function enter(opened, name = null) {
  try {
    const { member, room } = await joinRoom(opened.code, name);
    if (current === opened) begin(opened, member, room);
  } catch (problem) {
    const wantsName = problem.status === 422 || problem.code === "name_taken" || problem.code === "name_looks_alike";
    if (name !== null || !wantsName) throw problem;
    askName(opened, problem.code === "name_taken" ? session.user?.username : null);
  }
}

function askName(opened, value = load("roomName")) {
  const form = makeForm("room-name", nameField("name", value ?? " "), "rooms.join", async ({ name }) => {
    if (!session.token) await guest();
    await enter(opened, name.trim());
    save("roomName", name.trim());
  });
  byId("room").replaceChildren(make("h1", { tabIndex: -1, dir: "auto" }, opened.room.name), form);
  form.elements.name.value = value ?? "";
  setTitle(opened.room.name);
  form.elements.name.focus();
}

function begin(opened, member, room) {
  Object.assign(opened, { member, room });
  receive(opened, room);
  setShown(opened.code, true);
  byId("room").replaceChildren(...makePage(opened, { poll: () => poll(opened), play: () => play(opened) }));
  setTitle(room.name);
  const { round } = room, isOpen = round && savedGame(opened.code, round) && phaseOf(round, performance.now()) === RUNNING;
  if (isOpen) play(opened);
  opened.ticker = setInterval(tick, TICK_MS, opened);
  for (const event of WAKING) window.addEventListener(event, opened.onWake);
  byId("give-up").after(opened.wayBack);
  byId("waiting").onclick = () => play(opened); // its address is this one
  checkOther(opened.code, round);
  tick(opened);
  focusAction(byId("room"));
  pollLater(opened);
}

function pollLater(opened) {
  schedule(opened, poll, document.hidden ? HIDDEN_MS : POLL_MS);
}

/** Whether the member sees the game and not the room. */
function isInGame({ code, room: { round } }) {
  return round && isPlaying(code, round) && byId("view-rooms").hidden;
}

/** Fetch the room if it has changed. A client that plays learns all from its posts. */
async function poll(opened) {
  if (current !== opened) return;
  try {
    const found = isInGame(opened) ? null : await readNews(opened);
    if (current !== opened) return;
    if (opened.failures) opened.problem = null;
    if (found) await take(opened, found);
    opened.failures = 0;
  } catch (problem) {
    if (current !== opened) return;
    if ([403, 404].includes(problem.status)) return leaveBy(opened, problem);
    opened.failures++;
  }
  if (current === opened) pollLater(opened);
}

/** A member who isn't listed was removed, or has left in another tab. The server says which when asked for any change. */
async function take(opened, found) {
  const isOwn = ({ id }) => id === opened.member, own = opened.room.members.find(isOwn);
  if (found.members.some(isOwn)) receive(opened, found);
  else await renameMember(opened.code, opened.member, own.name);
}

/** A round that comes while the page is open begins by itself, once. */
function receive(opened, room) {
  const { round } = room, isNew = opened.room.round?.number !== round?.number, phase = phaseOf(round, performance.now());
  opened.room = room;
  remember(room);
  if (isNew) opened.problem = null;
  if (phase === WAITING || (isNew && phase === RUNNING)) opened.awaits = round.number;
}

function leaveBy(opened, problem) {
  close();
  showRoom();
  showProblem(opened, problem);
}

/** What time brings: the start of a round, its end, and new standings. */
function tick(opened) {
  const { room: { round }, code } = opened, now = performance.now();
  if (round) {
    if (phaseOf(round, now) === RUNNING && !playsAlong(opened)) opened.awaits = null;
    const isStarting = opened.awaits === round.number && phaseOf(round, now) === RUNNING;
    if (isStarting && !document.hidden && now >= Math.max(opensAt(round), opened.triesAt) && !otherGame(code, round)) play(opened);
    if (now - opened.standingsAt > STANDINGS_MS && !isInGame(opened)) {
      opened.standingsAt = now;
      readStandings(opened).catch(() => {}); // the polls tell
    }
  }
  if (isEndSeen(now)) showRoom();
  const host = opened.room.members.find(({ is_host: isHost }) => isHost);
  opened.isHostAway = host?.is_here ? 0 : opened.isHostAway || now;
  if (!byId("view-rooms").hidden) showPage(opened, now);
}

async function play(opened) {
  const { code, room: { round } } = opened;
  if (isPlaying(code, round)) return showPlay();
  if (opened.isOpening || !canOpen()) return;
  Object.assign(opened, { isOpening: true, awaits: null });
  try {
    await playRound(code, round);
    opened.problem = null;
  } catch (problem) {
    const isEarly = problem.code === "round_not_started", isLost = problem.status === 0, isBlocked = otherGame(code, round);
    if (problem.isTransient || isEarly || isBlocked) tryAgain(opened, round, problem);
    if (isLost) opened.failures = Math.max(opened.failures, LOST);
    else if (!isEarly && !isBlocked) opened.problem = problem.message;
  }
  opened.isOpening = false;
  opened.standingsAt = -Infinity;
}

/** Open the game a little later; the server tells how much if this device's clock is ahead. */
function tryAgain(opened, { number }, { params: { starts_in: seconds = 1 } }) {
  Object.assign(opened, { awaits: number, triesAt: performance.now() + 1000 * seconds });
}
