// Mark the values of the frame that is shown, and lead from frame to frame by the arrow keys outside the plots.
function mark() {
  const here = location.hash || "#" + document.querySelector(".frame").id;
  for (const dot of document.querySelectorAll(".plot a.dot")) dot.classList.toggle("here", dot.getAttribute("href") === here);
}
// The frame is always in view: the browser need not scroll to it, and the plot stays where it was clicked.
let left = 0, top_ = 0;
for (const kind of ["click", "keydown"]) addEventListener(kind, () => { left = scrollX; top_ = scrollY; }, true);
addEventListener("hashchange", () => { scrollTo(left, top_); mark(); });
addEventListener("keydown", (event) => {
  if (event.target.closest("svg") || event.altKey || event.ctrlKey || event.metaKey) return;
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const shown = document.querySelector(".frame:target") || document.querySelector(".frame");
  const link = rel && shown.querySelector(`a[rel="${rel}"]`);
  if (!link) return;
  event.preventDefault();
  location.replace(link.getAttribute("href"));
});
mark();
