/* `#/rooms`: join a room by its code, or open one. */

import { guest, session } from "../api.js";
import { byId, make } from "../lib/dom.js";
import { named, t } from "../lib/language.js";
import { load, save } from "../storage.js";
import { createRoom, readRoom } from "./calls.js";
import { makeForm, nameField } from "./parts.js";

const RECENT = 3; // rooms that are offered again

export function open() {
  const code = { name: "code", label: "rooms.codeLabel", hint: "rooms.codeHint", autocomplete: "off", autocapitalize: "characters" };
  const join = makeForm("room-join", [code], "rooms.join", findRoom);
  const create = makeForm("room-create",
    [...nameField("my_name", load("roomName")), { name: "name", label: "rooms.roomName", hint: "form.optional" }],
    "rooms.create", createAndEnter);
  create.querySelector(".primary").className = "";
  byId("room").replaceChildren(make("h1", { tabIndex: -1 }, t("nav.rooms")), recentRooms(), make("div", { className: "ways" },
    make("section", {}, make("h2", {}, t("rooms.joinTitle")), make("p", {}, t("rooms.joinNote")), join),
    make("section", {}, make("h2", {}, t("rooms.create")), make("p", {}, t("rooms.createNote")), create)));
  byId("room-join-code").focus();
}

async function findRoom({ code }) {
  const plain = code.toUpperCase().replace(/[^A-Z\d]/g, "");
  if (!plain) return byId("room-join-code").focus();
  try {
    await readRoom(plain);
  } catch (problem) {
    throw problem.status === 404 ? Object.assign(new Error(t("rooms.gone", { code: code.trim() })), { errors: [] }) : problem;
  }
  location.hash = `#/rooms/${plain}`;
}

async function createAndEnter({ name, my_name: myName }) {
  if (!session.token) await guest();
  const names = { ...name.trim() && { name }, ...myName && { my_name: myName } };
  const { code } = await createRoom(names);
  if (myName) save("roomName", myName);
  location.hash = `#/rooms/${code}`;
}

/** Offer a room again next time. */
export function remember({ code, name }) {
  const others = load("rooms", []).filter((room) => room.code !== code);
  save("rooms", [{ code, name }, ...others].slice(0, RECENT));
}

export function forget(code) {
  save("rooms", load("rooms", []).filter((room) => room.code !== code));
}

function recentRooms() {
  return make("p", { className: "actions optional" }, ...load("rooms", []).map(({ code, name }) =>
    make("a", { className: "secondary", href: `#/rooms/${code}` }, ...named("rooms.recent", { name }))));
}
