// Show the words of the value that the pointer or the keyboard is at, and lead from value to value by the arrow keys.
// Without this script, the words are the titles of the elements, and links go where they lead.
"use strict";
const NEAR = 28;
const tip = document.createElement("div");
tip.id = "tip";
tip.hidden = true;
tip.setAttribute("aria-hidden", "true");
document.body.append(tip);

function show(svg, dot, x, y) {
  for (const other of svg.querySelectorAll(".near")) other.classList.remove("near");
  tip.hidden = !dot;
  if (!dot) return;
  dot.classList.add("near");
  tip.textContent = "";
  const target = dot.hasAttribute("href") && document.getElementById(dot.getAttribute("href").slice(1));
  const picture = target && target.querySelector("img");
  if (picture) {
    const small = picture.cloneNode();
    small.removeAttribute("loading");
    tip.append(small);
  }
  const words = document.createElement("p");
  words.textContent = dot.dataset.words;
  tip.append(words);
  const box = tip.getBoundingClientRect();
  const left = x + 14 + box.width > innerWidth ? x - 14 - box.width : x + 14;
  tip.style.left = Math.max(4, Math.min(left, innerWidth - box.width - 4)) + scrollX + "px";
  tip.style.top = Math.max(4, Math.min(y + 14, innerHeight - box.height - 4)) + scrollY + "px";
}

function nearest(svg, dots, event) {
  const inside = event.target.closest(".dot");
  if (inside && svg.contains(inside)) return inside;
  const scale = svg.viewBox.baseVal.width / svg.getBoundingClientRect().width;
  const box = svg.getBoundingClientRect();
  const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
  let best = null, least = NEAR * scale;
  for (const dot of dots) {
    const far = Math.hypot(dot.dataset.x - x, dot.dataset.y - y);
    if (far < least) [best, least] = [dot, far];
  }
  return best;
}

for (const svg of document.querySelectorAll("svg.plot")) {
  const dots = [...svg.querySelectorAll(".dot")];
  for (const dot of dots) {
    const title = dot.querySelector("title");
    dot.dataset.words = title.textContent;
    title.remove();
    dot.setAttribute("tabindex", "-1");
  }
  const groups = [...svg.querySelectorAll(".series")].map((group) => [...group.querySelectorAll(".dot")]).filter((group) => group.length);
  for (const group of groups) group[0].setAttribute("tabindex", "0");
  svg.addEventListener("pointermove", (event) => show(svg, nearest(svg, dots, event), event.clientX, event.clientY));
  svg.addEventListener("pointerleave", () => show(svg, null));
  svg.addEventListener("click", (event) => {
    const dot = nearest(svg, dots, event);
    if (dot && !dot.contains(event.target) && dot.hasAttribute("href")) location.hash = dot.getAttribute("href");
  });
  const around = svg.parentNode;  // a browser would stop at a drawing that itself listens to keys
  around.addEventListener("focusin", (event) => {
    const dot = event.target.closest(".dot");
    if (!dot || !svg.contains(dot)) return;
    const box = dot.getBoundingClientRect();
    show(svg, dot, box.left + box.width / 2, box.top + box.height / 2);
  });
  around.addEventListener("focusout", () => show(svg, null));
  around.addEventListener("keydown", (event) => {
    const here = groups.findIndex((group) => group.includes(document.activeElement));
    if (here < 0) return;
    const group = groups[here], at = group.indexOf(document.activeElement);
    const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: group.length - 1 - at };
    let next = null;
    if (event.key in steps) next = group[at + steps[event.key]];
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const other = groups[here + (event.key === "ArrowDown" ? 1 : -1)];
      const value = Number(group[at].dataset.value);
      next = other && other.reduce((a, b) => (Math.abs(b.dataset.value - value) < Math.abs(a.dataset.value - value) ? b : a));
    } else if (event.key === "Escape") show(svg, null);
    else return;
    event.preventDefault();
    if (!next) return;
    group[at].setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });
  for (const entry of svg.querySelectorAll(".legend [data-series]")) {
    const chosen = svg.querySelector(`.series[data-series="${entry.dataset.series}"]`);
    if (!chosen) continue;
    entry.addEventListener("pointerenter", () => { svg.classList.add("one"); chosen.classList.add("chosen"); });
    entry.addEventListener("pointerleave", () => { svg.classList.remove("one"); chosen.classList.remove("chosen"); });
  }
}
