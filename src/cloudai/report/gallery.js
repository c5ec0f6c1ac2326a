"use strict";
const get = (id) => document.getElementById(id);
const [tiles, field, choice, turn, count, nobody] =
  ["tiles", "filter", "sort", "turn", "count", "nobody"].map(get);
const language = document.documentElement.lang;
const fold = (text) => text.normalize("NFC").toLocaleLowerCase(language);
const given = [...tiles.children];
const words = new Map(given.map((tile) => [tile, fold(tile.textContent)]));
const alphabet = new Intl.Collator(language, { numeric: true });
let down = false;

function value(tile) {
  return (choice.value === "name" ? tile.dataset.name : tile.getAttribute("data-v" + choice.value)) || "";
}

// "35 to 40", "1,234 px", "−0.5", "≈ 12 %" begin with a number; "A35" does not.
function number(text) {
  const found = /^[\s<>≤≥≈~±$€£₩]*([-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?)/.exec(text)[1];
  return /\d/.test(found) ? Number(found.replace("−", "-").replaceAll(",", "")) : NaN;
}

// Numbers by size, then words by the reader's alphabet; what is not known comes last, whichever way.
function compare(one, other) {
  const [a, b] = [value(one), value(other)];
  if (a === "" || b === "") return (a === "") - (b === "");
  const [m, n] = choice.value === "name" ? [NaN, NaN] : [number(a), number(b)];
  const order = isNaN(m) - isNaN(n) || (isNaN(m) ? 0 : m - n) || alphabet.compare(a, b);
  return down ? -order : order;
}

function sort() {
  const order = choice.value ? [...given].sort(compare) : down ? [...given].reverse() : given;
  tiles.append(...order);
  turn.textContent = down ? "↓" : "↑";
  turn.title = down ? turn.dataset.down : turn.dataset.up;
  turn.setAttribute("aria-label", turn.title);
}

function filter() {
  const wanted = fold(field.value).split(/\s+/);
  given.forEach((tile) => { tile.hidden = !wanted.every((word) => words.get(tile).includes(word)); });
  const shown = given.filter((tile) => !tile.hidden).length;
  nobody.hidden = shown > 0;
  count.value = count.dataset.says.replace("{shown}", shown).replace("{all}", given.length);
}

field.addEventListener("input", filter);
choice.addEventListener("change", sort);
turn.addEventListener("click", () => { down = !down; sort(); });
get("tools").hidden = false;
sort();
filter();
