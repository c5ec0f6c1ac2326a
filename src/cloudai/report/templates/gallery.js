"use strict";
const get = (id) => document.getElementById(id);
const list = get("tiles"), field = get("filter"), choice = get("sort"), turn = get("turn"), facets = get("facets");
const language = document.documentElement.lang;
const alphabet = new Intl.Collator(language, { numeric: true });
const fold = (text) => text.normalize("NFC").toLocaleLowerCase(language);
const make = (name, text, kind) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (kind) element.className = kind;
  return element;
};

// "35 to 40", "1,234 px", "−0.5", "≈ 12 %", "6.3e-05" begin with a number; "A35" does not.
function number(text) {
  const found = /^[\s<>≤≥≈~±$€£₩]*([-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:e[-+]?\d+)?)/i.exec(text)[1];
  return /\d/.test(found) ? Number(found.replace("−", "-").replaceAll(",", "")) : NaN;
}

const SEARCHED = "h2, dd, p, strong"; // the name, the values, the reason and the badge, but no heading that all tiles have
const columns = [...choice.options].slice(2).map((option, n) => ({ n, name: option.text, kind: option.dataset.kind }));
const given = [...list.querySelectorAll("li")].map((element, n) => ({
  element, n, name: element.dataset.name, words: fold([...element.querySelectorAll(SEARCHED)].map((part) => part.textContent).join("\n")),
  values: columns.map((column) => element.getAttribute("data-v" + column.n) || ""),
}));
for (const column of columns) {
  if (column.kind === "number") column.numbers = given.map((tile) => number(tile.values[column.n]));
  if (column.kind === "words") column.parts = given.map((tile) => JSON.parse(tile.values[column.n] || "[]"));
  if (column.kind === "word") column.parts = given.map((tile) => [tile.values[column.n]]);
}

const state = { search: "", sort: "", down: false, chosen: new Map(), ranges: new Map(), open: null };
let shown = given;

// In Korean, initial consonants find a name ("ㅎㄱㄷ" finds 홍길동), and so does a syllable that is not complete yet.
const INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
const PAIRS = { "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
  "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ" }; // a keyboard joins two consonants that follow each other
const GA = 0xac00, PER_INITIAL = 588, PER_VOWEL = 28, SYLLABLES = 11172;
function pattern(word) {
  const letters = [...word.replace(/[ㄳ-ㅄ]/g, (pair) => PAIRS[pair] || pair)];
  const from = (code) => String.fromCodePoint(code);
  return new RegExp(letters.map((letter, n) => {
    const initial = INITIALS.indexOf(letter), syllable = letter.codePointAt(0) - GA;
    if (initial >= 0) {
      return `[${letter}${from(GA + initial * PER_INITIAL)}-${from(GA + (initial + 1) * PER_INITIAL - 1)}]`;
    }
    if (n === letters.length - 1 && syllable >= 0 && syllable < SYLLABLES && syllable % PER_VOWEL === 0) {
      return `[${letter}-${from(GA + syllable + PER_VOWEL - 1)}]`;
    }
    return letter.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  }).join(""), "u");
}

let wanted = [];
function matches(tile, but) {
  if (!wanted.every((word) => word.test(tile.words))) return false;
  for (const [n, values] of state.chosen) {
    if (n !== but && !partsOf(columns[n], tile).some((part) => values.has(part))) return false;
  }
  for (const [n, [low, high]] of state.ranges) {
    const value = columns[n].numbers[tile.n];
    if (n !== but && !(value >= low && value <= high)) return false;
  }
  return true;
}
const partsOf = (column, tile) => (column.parts[tile.n].length ? column.parts[tile.n] : [""]);

// Numbers by size, then words by the reader's alphabet; what is not known comes last, whichever way.
function compare(one, other) {
  const value = (tile) => (state.sort === "name" ? tile.name : tile.values[state.sort]);
  const [a, b] = [value(one), value(other)];
  if (a === "" || b === "") return (a === "") - (b === "");
  const [m, n] = state.sort === "name" ? [NaN, NaN] : [number(a), number(b)];
  const order = isNaN(m) - isNaN(n) || (isNaN(m) ? 0 : m - n) || alphabet.compare(a, b);
  return state.down ? -order : order;
}

let order = given;
function sort() {
  order = state.sort !== "" ? [...given].sort(compare) : state.down ? [...given].reverse() : given;
  turn.textContent = state.down ? "↓" : "↑";
  turn.title = state.down ? turn.dataset.down : turn.dataset.up;
  turn.setAttribute("aria-label", turn.title);
}

// The tiles are in pieces of a few rows, so that a browser lays out only those that are near the screen.
const ROWS = 4;
let across = 0, drawn = [];
function pieces() {
  const first = list.querySelector("ul");
  const columns = getComputedStyle(first).gridTemplateColumns.split(" ").length;
  if (columns === across && drawn === shown) return;
  [across, drawn] = [columns, shown];
  const height = (first.querySelector("li")?.offsetHeight || 320) + 16, uls = [];
  for (let n = 0; n < shown.length; n += across * ROWS) {
    const ul = make("ul"), tiles = shown.slice(n, n + across * ROWS);
    ul.append(...tiles.map((tile) => tile.element));
    ul.style.containIntrinsicBlockSize = `auto ${Math.ceil(tiles.length / across) * height}px`;
    uls.push(ul);
  }
  near.disconnect();
  list.replaceChildren(...(uls.length ? uls : [make("ul")]));
  if (list.querySelector("[data-src]")) uls.forEach((ul) => near.observe(ul));
}
// The pictures of a long page are loaded when a reader comes near them.
const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) target.querySelectorAll("[data-src]").forEach(load);
}, { rootMargin: "150%" });
function load(image) {
  image.src = image.dataset.src;
  image.removeAttribute("data-src");
}
// A printer needs all of them.
window.addEventListener("beforeprint", () => list.querySelectorAll("[data-src]").forEach(load));

function filter() {
  wanted = fold(state.search).split(/\s+/).filter(Boolean).map(pattern);
  shown = order.filter((tile) => matches(tile, null));
  pieces();
  get("nobody").hidden = shown.length > 0;
  get("count").value = get("count").dataset.says.replace("{shown}", shown.length).replace("{all}", given.length);
  get("reset").hidden = !(state.search || state.chosen.size || state.ranges.size);
  if (!facets.hidden) columns.forEach((column) => column.draw && column.draw());
}

// ---- facets: the values of a column with their numbers, or a histogram with a range ----
const MOST = 8, LISTED = 200, BINS = 20;
function facetOfWords(column) {
  const totals = new Map();
  for (const tile of given) for (const part of partsOf(column, tile)) totals.set(part, (totals.get(part) || 0) + 1);
  const values = [...totals.keys()].sort((a, b) => (a === "") - (b === "") || totals.get(b) - totals.get(a) || alphabet.compare(a, b)).slice(0, LISTED);
  if (values.length < 2) return null;
  const set = make("fieldset"), most = Math.max(...totals.values());
  set.append(make("legend", column.name));
  const choices = values.map((value, n) => {
    const label = make("label", undefined, "choice"), box = make("input"), bar = make("i"), count = make("data");
    box.type = "checkbox";
    box.addEventListener("change", () => {
      const values = state.chosen.get(column.n) || new Set();
      if (box.checked) values.add(value); else values.delete(value);
      if (values.size) state.chosen.set(column.n, values); else state.chosen.delete(column.n);
      changed();
    });
    label.append(box, make("span", value || facets.dataset.unknown), count, bar);
    label.hidden = n >= MOST;
    set.append(label);
    return { value, label, box, bar, count };
  });
  if (values.length > MOST) {
    const rest = make("button", facets.dataset.more.replace("{n}", values.length - MOST), "rest");
    rest.type = "button";
    rest.addEventListener("click", () => { choices.forEach((each) => { each.label.hidden = false; }); rest.remove(); });
    set.append(rest);
  }
  column.draw = () => {
    const counts = new Map();
    for (const tile of given) {
      if (matches(tile, column.n)) for (const part of partsOf(column, tile)) counts.set(part, (counts.get(part) || 0) + 1);
    }
    for (const each of choices) {
      const n = counts.get(each.value) || 0;
      each.box.checked = Boolean(state.chosen.get(column.n)?.has(each.value));
      if (each.box.checked) each.label.hidden = false;
      each.count.textContent = n;
      each.bar.style.width = `${(100 * n) / most}%`;
      each.label.classList.toggle("gone", n === 0);
    }
  };
  return set;
}

function facetOfNumbers(column) {
  const known = column.numbers.filter((value) => !isNaN(value));
  const low = known.reduce((a, b) => Math.min(a, b), Infinity), high = known.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!(low < high)) return null;
  // Whole numbers of a small range have a bar each.
  const whole = known.every(Number.isInteger), bins = whole && high - low < BINS ? high - low + 1 : BINS;
  const width = whole && high - low < BINS ? 1 : (high - low) / bins;
  const binOf = (value) => Math.min(bins - 1, Math.floor((value - low) / width));
  const totals = Array(bins).fill(0), spans = totals.map(() => null);
  for (const value of known) {
    const n = binOf(value), [from, to] = spans[n] || [value, value];
    totals[n] += 1;
    spans[n] = [Math.min(from, value), Math.max(to, value)]; // a bar stands for just its values, however they are rounded
  }
  const most = Math.max(...totals), set = make("fieldset"), row = make("div", undefined, "bars");
  const neat = (value) => (whole ? value : Number(value.toPrecision(4)));
  const edges = (n) => [neat(low + n * width), neat(width === 1 ? low + n : low + (n + 1) * width)];
  const take = (from, to) => {
    if (from <= low && to >= high) state.ranges.delete(column.n); else state.ranges.set(column.n, [from, to]);
    changed();
  };
  const bars = totals.map((_, n) => {
    const button = make("button"), bar = make("i");
    button.type = "button";
    const [from, to] = edges(n);
    button.title = from === to ? `${from}` : `${from} – ${to}`;
    button.setAttribute("aria-label", button.title);
    button.addEventListener("click", () => take(...(spans[n] || [from, to])));
    button.append(bar);
    row.append(button);
    return { button, bar };
  });
  const ends = ["from", "to"].map((end) => {
    const label = make("label", facets.dataset[end]), box = make("input");
    box.type = "number";
    box.step = "any";
    label.append(" ", box);
    return { label, box };
  });
  ends.forEach(({ box }) => box.addEventListener("change", () => {
    const [from, to] = ends.map((end) => end.box.value);
    take(from === "" ? low : Number(from), to === "" ? high : Number(to));
  }));
  const both = make("div", undefined, "range");
  both.append(...ends.map((end) => end.label));
  set.append(make("legend", column.name), row, both);
  column.draw = () => {
    const counts = Array(bins).fill(0);
    for (const tile of given) {
      const value = column.numbers[tile.n];
      if (!isNaN(value) && matches(tile, column.n)) counts[binOf(value)] += 1;
    }
    const range = state.ranges.get(column.n), [from, to] = range || [low, high];
    bars.forEach(({ button, bar }, n) => {
      bar.style.height = `${(100 * counts[n]) / most}%`;
      button.classList.toggle("in", Boolean(range && spans[n]) && spans[n][1] >= from && spans[n][0] <= to);
    });
    ends.forEach(({ box }, n) => { box.value = range ? range[n] : ""; box.placeholder = neat([low, high][n]); });
  };
  return set;
}

let built = false;
function build() {
  if (built) return;
  built = true;
  for (const column of columns) {
    const set = column.kind === "number" ? facetOfNumbers(column) : column.parts ? facetOfWords(column) : null;
    if (set) facets.append(set);
  }
}
function showFacets(visible) {
  build();
  facets.hidden = !visible || !facets.children.length;
  if (drawn.length) pieces(); // the column of filters takes room from the tiles
  get("facets-turn").setAttribute("aria-expanded", String(!facets.hidden));
  if (!facets.hidden) columns.forEach((column) => column.draw && column.draw());
}

// ---- the view is in the address, so that it can be shared ----
function toAddress() {
  const parts = new URLSearchParams();
  if (state.search) parts.set("q", state.search);
  if (state.sort !== "") parts.set("sort", state.sort === "name" ? "name" : "c." + columns[state.sort].name);
  if (state.down) parts.set("down", "1");
  for (const [n, values] of state.chosen) for (const value of values) parts.append("f." + columns[n].name, value);
  for (const [n, [low, high]] of state.ranges) parts.set("r." + columns[n].name, `${low}..${high}`);
  if (state.open !== null) parts.set("open", state.open);
  const hash = parts.toString();
  if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
}
function fromAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const named = (name) => columns.findIndex((column) => column.name === name);
  state.search = parts.get("q") || "";
  const by = parts.get("sort") || "", at = named(by.slice(2));
  state.sort = by === "name" ? "name" : by.startsWith("c.") && at >= 0 ? at : "";
  state.down = parts.get("down") === "1";
  state.chosen.clear();
  state.ranges.clear();
  for (const [key, value] of parts) {
    const n = named(key.slice(2));
    if (n < 0) continue;
    if (key.startsWith("f.") && columns[n].parts) state.chosen.set(n, (state.chosen.get(n) || new Set()).add(value));
    const ends = value.split("..").map(Number);
    if (key.startsWith("r.") && columns[n].numbers && ends.length === 2 && !ends.some(isNaN)) state.ranges.set(n, ends);
  }
  field.value = state.search;
  choice.value = String(state.sort);
  if (state.chosen.size || state.ranges.size) showFacets(true);
  sort();
  filter();
  const open = parts.get("open") && given.find((tile) => String(tile.n) === parts.get("open"));
  if (open) enlarge(open); else if (view.open) view.close();
}
function changed() {
  filter();
  toAddress();
}

// ---- the large view ----
const COLOURS = { face: "#ffb400", text: "#56b4e9", object: "#00c896", person: "#f0e442", brand: "#ff7f50",
  place: "#d98ab8", caption: "#ffffff", crop: "#b3b3b3" };
const view = get("view"), picture = get("view-picture"), boxes = get("boxes"), labels = get("labels");
const SVG = boxes.namespaceURI;
const ENLARGED = 4; // a small picture that is enlarged further is a blur
let marked = true;
function enlarge(tile) {
  state.open = tile.n;
  const element = tile.element, whole = element.dataset.whole ?? given[element.dataset.wholeAt]?.element.dataset.whole;
  const small = element.querySelector("img");
  picture.removeAttribute("src");
  picture.alt = small ? small.alt : "";
  if (whole || small) picture.src = whole ? "data:image/webp;base64," + whole : small.dataset.src || small.src;
  get("view-name").textContent = tile.name;
  const about = [...element.querySelectorAll("dl, p, a")].map((part) => part.cloneNode(true));
  const badge = element.querySelector("strong");
  get("view-facts").replaceChildren(...(badge ? [make("p", badge.textContent)] : []), ...about);
  const at = shown.indexOf(tile);
  get("position").value = at < 0 ? "" : `${at + 1} / ${shown.length}`;
  if (!view.open) view.showModal();
  drawMarks();
  toAddress();
}
function move(by) {
  const at = shown.findIndex((tile) => tile.n === state.open);
  const next = shown[at + by];
  if (next) enlarge(next);
}
function drawMarks() {
  boxes.replaceChildren();
  labels.replaceChildren();
  const tile = given[state.open], marks = tile && JSON.parse(tile.element.dataset.marks || "[]");
  get("marks").hidden = !marks || !marks.length;
  if (!picture.naturalWidth || !view.open) return;
  const stage = get("stage");
  const scale = Math.min(stage.clientWidth / picture.naturalWidth, stage.clientHeight / picture.naturalHeight, ENLARGED);
  picture.style.width = `${picture.naturalWidth * scale}px`;
  picture.style.height = `${picture.naturalHeight * scale}px`;
  if (!marked || !marks) return;
  const [width, height] = [picture.clientWidth, picture.clientHeight];
  for (const part of [boxes, labels]) {
    Object.assign(part.style, { left: `${picture.offsetLeft}px`, top: `${picture.offsetTop}px`, width: `${width}px`, height: `${height}px` });
  }
  boxes.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const taken = [];
  for (const [x, y, across, down, kind, label, points] of marks) {
    const colour = COLOURS[kind] || COLOURS.caption;
    for (const under of [true, false]) {
      const box = document.createElementNS(SVG, "rect");
      Object.entries({ x: x * width, y: y * height, width: across * width, height: down * height }).forEach(([name, value]) => box.setAttribute(name, value));
      if (under) box.setAttribute("class", "under"); else box.style.stroke = colour;
      boxes.append(box);
    }
    for (const [px, py] of points) {
      const dot = document.createElementNS(SVG, "circle");
      Object.entries({ cx: px * width, cy: py * height, r: 2.5 }).forEach(([name, value]) => dot.setAttribute(name, value));
      dot.style.fill = colour;
      boxes.append(dot);
    }
    if (label) place(label, colour, [x * width, y * height, across * width, down * height], [width, height], taken);
  }
}
// A label stands above its box, or where it covers the fewest others.
function place(text, colour, [x, y, across, down], [width, height], taken) {
  const label = make("span", text);
  label.style.background = colour;
  label.style.color = "#000";
  labels.append(label);
  const [w, h] = [label.offsetWidth, label.offsetHeight];
  const inside = (left, top) => [Math.max(0, Math.min(left, width - w)), Math.max(0, Math.min(top, height - h))];
  const spots = [[x, y - h - 2], [x, y + down + 2], [x + across - w, y - h - 2], [x + across + 2, y], [x - w - 2, y], [x, y + 2],
    [x, y + down - h - 2], [x + across + 2, y + down - h], [x, y - 2 * h - 4], [x, y + down + h + 4]].map((spot) => inside(...spot));
  const covers = ([left, top]) => taken.reduce((sum, [l, t, r, b]) =>
    sum + Math.max(0, Math.min(left + w, r) - Math.max(left, l)) * Math.max(0, Math.min(top + h, b) - Math.max(top, t)), 0);
  const best = spots.reduce((a, b) => (covers(b) < covers(a) ? b : a));
  taken.push([best[0], best[1], best[0] + w, best[1] + h]);
  Object.assign(label.style, { left: `${best[0]}px`, top: `${best[1]}px` });
}
function closed() {
  const tile = given[state.open];
  state.open = null;
  toAddress();
  if (tile?.element.isConnected) tile.element.querySelector(".open").focus();
}

// ---- what a reader does ----
field.addEventListener("input", () => { state.search = field.value; changed(); });
choice.addEventListener("change", () => {
  state.sort = choice.value === "" || choice.value === "name" ? choice.value : Number(choice.value);
  sort();
  changed();
});
turn.addEventListener("click", () => { state.down = !state.down; sort(); changed(); });
get("facets-turn").addEventListener("click", () => showFacets(facets.hidden));
get("reset").addEventListener("click", () => {
  field.value = state.search = "";
  state.chosen.clear();
  state.ranges.clear();
  changed();
});
list.addEventListener("click", (event) => {
  const button = event.target.closest(".open");
  if (button) enlarge(given.find((tile) => tile.element === button.parentElement));
});
list.addEventListener("keydown", (event) => {
  const at = shown.findIndex((tile) => tile.element.contains(event.target));
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
  const next = by && shown[at + by];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.element.querySelector(".open").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
  if (view.open) {
    if (event.key === "ArrowLeft") move(-1);
    if (event.key === "ArrowRight") move(1);
    if (event.key === "b") get("marks").click();
  } else if (event.key === "/") {
    event.preventDefault();
    field.focus();
  }
});
get("previous").addEventListener("click", () => move(-1));
get("next").addEventListener("click", () => move(1));
get("close").addEventListener("click", () => view.close());
get("marks").addEventListener("click", () => {
  marked = !marked;
  get("marks").setAttribute("aria-pressed", String(marked));
  drawMarks();
});
view.addEventListener("close", closed);
picture.addEventListener("load", drawMarks);
window.addEventListener("resize", () => {
  pieces();
  if (view.open) drawMarks();
});
window.addEventListener("hashchange", fromAddress);
get("tools").hidden = false;
get("facets-turn").hidden = !columns.some((column) => column.kind !== "text");
showFacets(window.matchMedia("(min-width: 60rem)").matches && !get("facets-turn").hidden);
fromAddress();
