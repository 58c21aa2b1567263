/* A picture of a game to share, made here: its path, score and player. Loaded when somebody asks for it.

What it shows is what the server's previews show: a game of today's daily challenge has no path until the day is over. */

import { beginDrawing, drawOn, trace } from "../draw/thumbnail.js";
import { loadStyle, make, setText, tokensOf } from "../lib/dom.js";
import { day, dayOf, longDay, modeName, outcomeName } from "../lib/format.js";
import { number, t } from "../lib/language.js";
import { pageAddress } from "../lib/share.js";

const WIDTH = 1200, HEIGHT = 630; // as chat programs show pictures of links
const MARGIN = 45;
const PIT = HEIGHT - 2 * MARGIN;
const LEFT = MARGIN + PIT + 60; // of the words
const ROOM = WIDTH - LEFT - MARGIN;
const SCORE = { y: 375, size: 225 }, NAME = { y: 455, size: 54 }, OCCASION = { y: 513, size: 34 }, ADDRESS = { y: 577, size: 26 };

/** Show the picture of a game {id, seed, mode, turns, tick, score, outcome, challenge, username}, and ways to share it. The
`username` is null for a guest. */
export async function showPictureOf(game) {
  await Promise.all([loadStyle("dialog.css"), loadStyle("picture.css")]);
  const isHidden = isSecret(game), score = game.score;
  const canvas = make("canvas", { width: WIDTH, height: HEIGHT, role: "img" });
  canvas.setAttribute("aria-label", t(isHidden ? "picture.labelHidden" : "picture.label", { score }));
  const title = make("h2", { id: "picture-title" }, t("picture.title"));
  const note = make("p", { role: "status" }, isHidden ? t("picture.hidden") : "");
  const actions = make("div", { className: "actions" });
  const close = make("button", { className: "secondary", value: "" }, t("picture.close"));
  const dialog = make("dialog", { id: "picture-dialog" },
    make("form", { method: "dialog" }, title, canvas, note, actions));
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  await paint(canvas, game, isHidden);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  actions.append(...ways(game, new File([blob], `snakepit-${score}.png`, { type: blob.type }), note), close);
  actions.firstChild.classList.add("primary");
  dialog.showModal();
}

/** Whether the path would give away today's daily challenge. */
function isSecret({ challenge }) {
  return Boolean(challenge) && dayOf(challenge) === day(0);
}

// What can be done with it in this browser

/** Buttons: the share sheet where it takes files, copying where the browser can, and saving everywhere. */
function ways(game, file, note) {
  const shared = { files: [file], text: t("share.own", { count: game.score }), url: pageAddress(game.id) };
  const canCopy = "ClipboardItem" in window && navigator.clipboard?.write;
  return [
    navigator.canShare?.(shared) && button("picture.share", () => share(shared)),
    canCopy && button("picture.copy", () => copy(file, note)),
    saveLink(file, note),
  ].filter(Boolean);
}

function button(key, onclick) {
  return make("button", { type: "button", onclick }, t(key));
}

async function share(shared) {
  await navigator.share(shared).catch(() => {}); // it was cancelled
}

async function copy(file, note) {
  const words = await navigator.clipboard.write([new ClipboardItem({ [file.type]: file })])
    .then(() => "picture.copied", () => "share.forbidden");
  setText(note, t(words));
}

function saveLink(file, note) {
  const onclick = () => {
    const href = URL.createObjectURL(file);
    make("a", { href, download: file.name }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000); // the browser may ask where to first
    setText(note, t("picture.saved"));
  };
  return button("picture.save", onclick);
}

// What it looks like

async function paint(canvas, game, isHidden) {
  const ctx = canvas.getContext("2d"), colour = tokensOf(canvas), display = colour("font-display");
  await document.fonts.load(`800 54px ${display}`).catch(() => {});
  paintGround(ctx, colour);
  paintPit(ctx, game, isHidden, colour);
  paintWordmark(ctx);
  const write = ({ y, size }, text, style, font = display) => {
    ctx.fillStyle = colour(style);
    ctx.font = fitted(ctx, text, size, font);
    ctx.fillText(text, LEFT, y);
  };
  write(SCORE, number(game.score), "ink");
  if (game.username) write(NAME, game.username, "ink");
  write(game.username ? OCCASION : NAME, occasion(game), "muted");
  write(ADDRESS, location.host + location.pathname.replace(/\/$/, ""), "muted", colour("font"));
}

/** The font in the largest size, up to `size`, in which the text fits. */
function fitted(ctx, text, size, font) {
  ctx.font = `800 ${size}px ${font}`;
  return `800 ${Math.min(size, Math.floor(size * ROOM / ctx.measureText(text).width))}px ${font}`;
}

/** The day of a daily challenge, or the mode and how the game ended. */
function occasion({ challenge, mode, outcome }) {
  const date = challenge && dayOf(challenge);
  if (date) return t("replay.daily", { date: longDay(date) });
  return `${modeName(mode)} · ${outcomeName(outcome)}`;
}

function paintGround(ctx, colour) {
  const ground = ctx.createRadialGradient(WIDTH / 2, HEIGHT / 2, HEIGHT / 3, WIDTH / 2, HEIGHT / 2, WIDTH * 0.6);
  ground.addColorStop(0, colour("page"));
  ground.addColorStop(1, colour("page-edge"));
  ctx.fillStyle = ground;
  ctx.fillRect(0, 0, WIDTH, HEIGHT);
}

function paintPit(ctx, game, isHidden, colour) {
  ctx.save();
  ctx.translate(MARGIN, MARGIN);
  const drawing = beginDrawing(ctx, PIT, trace(game), colour);
  if (isHidden) paintEgg(ctx, colour);
  else drawOn(drawing, drawing.path.length - 1);
  ctx.restore();
}

/** In the middle of the field, in the place of a path that is still secret. */
function paintEgg(ctx, colour) {
  ctx.fillStyle = colour("egg");
  ctx.beginPath();
  ctx.ellipse(10, 10.6, 2.9, 3.2, 0, 0, Math.PI);
  ctx.ellipse(10, 10.6, 2.9, 4.4, 0, Math.PI, 2 * Math.PI);
  ctx.fill();
  Object.assign(ctx, { fillStyle: colour("on-egg"), textAlign: "center", font: `800 4px ${colour("font-display")}` });
  ctx.fillText("?", 10, 11.8);
}

/** The header's wordmark, stroke by stroke. */
function paintWordmark(ctx) {
  ctx.save();
  ctx.translate(LEFT - 4, MARGIN);
  ctx.scale(1.35, 1.35);
  for (const shape of document.querySelectorAll(".wordmark svg :is(path, circle, ellipse)")) {
    const { stroke, strokeWidth, fill } = getComputedStyle(shape), path = new Path2D(shape.getAttribute("d") ?? undefined);
    const of = (name) => Number(shape.getAttribute(name));
    if (shape.tagName !== "path") path.ellipse(of("cx"), of("cy"), of("rx") || of("r"), of("ry") || of("r"), 0, 0, 7);
    Object.assign(ctx, { lineWidth: parseFloat(strokeWidth), lineCap: "round", lineJoin: "round" });
    if (stroke !== "none") {
      ctx.strokeStyle = stroke;
      ctx.stroke(path);
    }
    if (fill !== "none") {
      ctx.fillStyle = fill;
      ctx.fill(path);
    }
  }
  ctx.restore();
}
