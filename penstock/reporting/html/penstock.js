"use strict";

const framed = window.parent !== window;

// Light or dark as in Airflow: a class on its <html>, or its setting in this browser for a page outside its frame.
function follow() {
  const theirs = framed ? window.parent.document.documentElement.classList : { contains: (mode) => localStorage.getItem("theme") === mode };
  for (const mode of ["light", "dark"]) document.documentElement.classList.toggle(mode, theirs.contains(mode));
}
follow();
if (framed) new MutationObserver(follow).observe(window.parent.document.documentElement, { attributeFilter: ["class"] });

// Airflow's frame does not let its pages navigate the window. Links to Airflow's own pages are followed in the window around the frame.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[target=_top]");
  if (!framed || !link) return;
  event.preventDefault();
  const outside = window.parent.document.createElement("a");
  outside.href = link.href;
  outside.click();
});

// A run in progress: load its progress again every two seconds, and the whole page when the state of the run changes.
async function watch() {
  const shown = document.querySelector("[data-progress]");
  if (!shown) return;
  const answer = document.hidden ? null : await fetch(shown.dataset.progress).catch(() => null);
  if (answer && answer.ok) {
    const { changed, html } = await answer.json();
    if (changed) return location.reload();
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-progress]");
    if (fresh && fresh.outerHTML !== shown.outerHTML) shown.replaceWith(fresh); // an element with the focus would lose it
  }
  setTimeout(watch, 2000);
}
document.addEventListener("DOMContentLoaded", watch);
