"use strict";
const tiles = document.getElementById("tiles");
const all = [...tiles.children];
const field = document.getElementById("filter");
const choice = document.getElementById("sort");
const count = document.getElementById("count");
const fold = (text) => text.normalize("NFC").toLocaleLowerCase();

function value(tile) {
  return choice.value === "name" ? tile.dataset.name : tile.getAttribute("data-v" + choice.value) || "";
}

// Numbers by size, words by the reader's alphabet; what is not known comes last.
function compare(one, other) {
  const [a, b] = [value(one), value(other)];
  if (a === "" || b === "") return (a === "") - (b === "");
  return a.localeCompare(b, document.documentElement.lang, { numeric: true });
}

function update() {
  const wanted = fold(field.value.trim());
  const order = choice.value === "" ? all : [...all].sort(compare);
  order.forEach((tile) => tiles.append(tile));
  all.forEach((tile) => { tile.hidden = !fold(tile.textContent).includes(wanted); });
  const shown = all.filter((tile) => !tile.hidden).length;
  count.value = `${shown} ${count.dataset.of} ${all.length} ${count.dataset.shown}`;
}

field.addEventListener("input", update);
choice.addEventListener("change", update);
update();
