/* `#/rooms/CODE/screen`: the room on a big screen. Who joins, and how; the countdown; the games with their ranking; the
podium. It follows the room by itself and needs no hand once it is open. */

import { byId, loadStyle, make, setHidden, setText, setTitle } from "../lib/dom.js";
import { modeName } from "../lib/format.js";
import { number, t } from "../lib/language.js";
import { setting } from "../storage.js";
import { readInvite } from "./calls.js";
import { ENDED, NONE, RUNNING, WAITING, comesAt, phaseOf, secondsToStart } from "./clock.js";
import { readNews, readStandings, schedule, startToFollow } from "./follow.js";
import { clock, setName, terms } from "./parts.js";
import { closePodium, makePodium, showPodium } from "./podium.js";
import { makeRanking, showRanking } from "./ranking.js";
import { closeWall, makeWall, openWall, showWall } from "./wall.js";

const POLL_MS = 1000;

let current = null; // the open screen, as `open` makes it

export async function open(code) {
  const opened = current = {
    ...startToFollow(code),
    phase: null, // what is shown
    wall: null, // while a round runs
    podium: null, // after it
    lock: null, // keeps the display awake
    onVisible: () => stayAwake(opened),
  };
  document.documentElement.dataset.theme = "dark";
  document.addEventListener("visibilitychange", opened.onVisible);
  stayAwake(opened);
  await Promise.all([loadStyle("live.css"), loadStyle("screen.css")]);
  if (current !== opened) return;
  byId("room").replaceChildren(makeScreen(code));
  byId("screen").style.setProperty("--wide", code.replace(/[^MW]/g, "").length);
  invite(opened);
  poll(opened);
  requestAnimationFrame((now) => frame(now, opened));
}

export function close() {
  if (!current) return;
  clearTimeout(current.poller);
  document.removeEventListener("visibilitychange", current.onVisible);
  current.lock?.release().catch(() => {});
  leave(current);
  document.documentElement.dataset.theme = setting("theme");
  current = null;
}

/** The browser takes the lock away while the page is hidden. */
async function stayAwake(opened) {
  if (document.hidden) return;
  const lock = await navigator.wakeLock?.request("screen").catch(() => null);
  if (current !== opened) lock?.release();
  else opened.lock = lock;
}

function makeScreen(code) {
  const part = (id, tag = "p") => make(tag, { id: `screen-${id}` });
  const title = Object.assign(part("title", "h1"), { tabIndex: -1, dir: "auto" });
  return make("div", { id: "screen" },
    make("div", { className: "screen-head" }, title, part("round"),
      Object.assign(part("address"), { textContent: code })),
    make("div", { id: "screen-lobby" },
      make("div", { className: "screen-invite" }, make("div", {}, part("code"), part("where"), part("local"), part("next"), part("terms")),
        part("count"), make("div", { id: "screen-qr" })),
      make("section", {}, make("h2", {}, part("here", "span"), " ", part("closed", "small")), make("ul", { id: "screen-members" }))),
    make("div", { id: "screen-game" }, makeWall(), make("div", { className: "screen-side" }, part("left"), makeRanking("screen-ranking"))),
    makePodium(),
    Object.assign(part("lost"), { role: "status" }),
    make("p", { className: "screen-tools" }, make("a", { className: "secondary", href: `#/rooms/${code}` }, t("rooms.toRoom")),
      make("button", { type: "button", className: "secondary", onclick: fill }, t("rooms.fullScreen"))));
}

function fill() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => {});
}

/** The address with which others join, and its picture. It is tried again until it is there. */
async function invite(opened) {
  try {
    const { address, picture, isLocal } = await readInvite(opened.code);
    if (current !== opened) return;
    setText(byId("screen-address"), address);
    setText(byId("screen-where"), address);
    byId("screen").style.setProperty("--length", address.length);
    setText(byId("screen-local"), isLocal ? t("rooms.local") : "");
    byId("screen-qr").replaceChildren(picture);
  } catch {
    setTimeout(() => current === opened && invite(opened), POLL_MS);
  }
}

async function poll(opened) {
  try {
    const found = await readNews(opened);
    opened.room = found ?? opened.room;
    await readStandings(opened);
    opened.failures = 0;
  } catch (problem) {
    opened.failures++;
    opened.isGone = problem.status === 404;
  }
  if (current !== opened || opened.isGone) return;
  schedule(opened, poll, POLL_MS);
}

// Showing

function frame(now, opened) {
  if (current !== opened) return;
  if (opened.room) show(opened, now);
  setText(byId("screen-lost"), opened.isGone ? t("rooms.gone", { code: opened.code }) : opened.failures > 1 ? t("rooms.lost") : "");
  requestAnimationFrame((next) => frame(next, opened));
}

function show(opened, now) {
  const { room } = opened, { round } = room, phase = phaseOf(round, now);
  if (phase !== opened.phase) enter(opened, phase);
  setName(byId("screen-title"), room.name);
  setTitle(room.name);
  const words = phase === NONE ? "" : t("rooms.roundIn", { number: String(round.number), mode: modeName(round.mode) });
  setText(byId("screen-round"), phase === WAITING ? "" : words);
  setText(byId("screen-next"), phase === WAITING ? words : "");
  const isRunning = phase === RUNNING, isOver = phase === ENDED;
  setHidden(byId("screen-lobby"), isRunning || isOver);
  setHidden(byId("screen-game"), !isRunning);
  setHidden(byId("screen-podium"), !isOver);
  const standings = opened.standings?.number === round?.number ? opened.standings : null;
  if (isRunning) showGame(opened, standings, now);
  else if (isOver) showPodium(opened.podium, room, standings, now);
  else showLobby(opened, phase, now);
}

/** Something else is on. */
function enter(opened, phase) {
  leave(opened);
  opened.phase = phase;
  byId("screen").dataset.phase = phase;
  if (phase === RUNNING) opened.wall = openWall(opened.code);
  if (phase === ENDED) opened.podium = { since: null, game: null, playback: null, boardView: null, key: "" };
}

function leave(opened) {
  if (opened.wall) closeWall(opened.wall);
  if (opened.podium) closePodium(opened.podium);
  Object.assign(opened, { wall: null, podium: null });
}

function showLobby({ room, code }, phase, now) {
  const here = room.members.filter(({ is_here: isHere }) => isHere), isWaiting = phase === WAITING;
  setText(byId("screen-code"), code);
  setText(byId("screen-terms"), isWaiting ? terms(room.round) : "");
  setText(byId("screen-count"), isWaiting ? number(secondsToStart(room.round, now)) : "");
  setText(byId("screen-here"), t("rooms.here", { count: here.length }));
  setText(byId("screen-closed"), room.locked ? t("rooms.locked") : "");
  const key = JSON.stringify(here.map(({ id, name }) => [id, name])), list = byId("screen-members");
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  const known = new Map(Array.from(list.children, (child) => [child.dataset.member, child]));
  list.replaceChildren(...here.toReversed().map(({ id, name }) => {
    const element = known.get(id) ?? make("li", { className: "ellipsis", dir: "auto" });
    element.dataset.member = id;
    setText(element, name);
    return element;
  }));
}

function showGame({ room: { round, members }, wall }, standings, now) {
  const isStarting = secondsToStart(round, now) > 0;
  setText(byId("screen-left"), isStarting ? number(secondsToStart(round, now)) : clock(comesAt(round.ends_at) - now));
  showWall(wall, now);
  showRanking(byId("screen-ranking"), standings?.standings ?? [], now);
  setHidden(byId("screen-ranking"), !members.length);
}
