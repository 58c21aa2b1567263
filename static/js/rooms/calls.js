/* The API's calls of rooms: a part of api.js that comes with the rooms. */

import { call, request } from "../api.js";
import { addSample } from "./clock.js";

const path = (code) => `rooms/${encodeURIComponent(code)}`;

/** `names`: {name, my_name}, the room's and, for guests, the host's. */
export const createRoom = (names) => call("POST", "rooms", names);

/** The room; null if it is still of this `version`. Each poll tells the server's time. */
export async function readRoom(code, version = null) {
  const sentAt = performance.now(), query = version === null ? "" : `?${new URLSearchParams({ version })}`;
  const { data, headers } = await request("GET", path(code) + query, undefined, { cache: "no-store" });
  addSample(headers.get("Server-Time"), sentAt, performance.now());
  return data;
}

/** Join, or rejoin: {member, room}. */
export const joinRoom = (code, name = null) => call("POST", `${path(code)}/members`, name ? { name } : {});
export const renameMember = (code, id, name) => call("PATCH", `${path(code)}/members/${encodeURIComponent(id)}`, { name });

/** Leave, or remove somebody. */
export const removeMember = (code, id) => call("DELETE", `${path(code)}/members/${encodeURIComponent(id)}`);

/** `changes`: {name, locked, host}. */
export const changeRoom = (code, changes) => call("PATCH", path(code), changes);

export const startRoundOf = (code, round) => call("POST", `${path(code)}/rounds`, round);
export const endRound = (code, number) => call("DELETE", `${path(code)}/rounds/${number}`);
export const readRound = (code, number) => call("GET", `${path(code)}/rounds/${number}`);

/** `ends`: as of api.js's `openGame`. */
export const openRoundGame = (code, ends) => call("POST", "games", { room: code, ends });

export const qrAddress = (code) => `api/${path(code)}/qr.svg`;

/** How others join: the `address`, its QR code as an SVG element, and whether only this machine knows the address. */
export async function readInvite(code) {
  const { data } = await request("GET", `${path(code)}/qr.svg`, undefined, { read: (response) => response.text() });
  const picture = document.adoptNode(new DOMParser().parseFromString(data, "image/svg+xml").documentElement);
  const title = picture.querySelector("title"), address = title.textContent, { hostname } = new URL(address);
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", address);
  title.remove(); // it would be a tooltip
  const isLocal = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  return { address: address.replace(/^https?:\/\//, ""), picture, isLocal };
}
