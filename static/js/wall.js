/* The wall: all games that are being played now, best first. */

export function open() {
}
