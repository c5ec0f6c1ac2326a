// Show the frame of a value without moving the page, mark its values, and lead from frame to frame by the arrow keys.
// Without this script, links go where they lead, and the style shows the frame that is the target.
const frames = document.querySelector(".frames");
const of = (hash) => document.getElementById(hash.slice(1)) || document.querySelector(".frame");
let seen = [0, 0];

function show(frame) {
  frames.classList.add("led");
  for (const other of frames.querySelectorAll(".shown")) other.classList.remove("shown");
  frame.classList.add("shown");
  for (const dot of document.querySelectorAll(".plot a.dot")) dot.classList.toggle("here", dot.getAttribute("href") === "#" + frame.id);
}

function turnTo(frame) {
  show(frame);
  history.replaceState(null, "", "#" + frame.id);
}

for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { seen = [scrollX, scrollY]; }, true);
addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (!link) return;
  event.preventDefault();
  turnTo(of(link.getAttribute("href")));
}, true);
addEventListener("hashchange", () => {
  show(of(location.hash));
  // The browser scrolls to the frame, which is in view already, in the next picture that it draws.
  requestAnimationFrame(() => requestAnimationFrame(() => scrollTo(...seen)));
});
addEventListener("keydown", (event) => {
  if (event.target.closest("svg") || event.altKey || event.ctrlKey || event.metaKey) return;
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = rel && of(location.hash).querySelector(`a[rel="${rel}"]`);
  if (!link) return;
  event.preventDefault();
  turnTo(of(link.getAttribute("href")));
});
show(of(location.hash));
