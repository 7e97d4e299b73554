"use strict";

const framed = window.parent !== window;

// Airflow's switch between light and dark: a class on its <html>, and what it keeps in this browser for a page outside its frame.
function follow() {
  const theirs = framed ? window.parent.document.documentElement.classList : { contains: (mode) => localStorage.getItem("theme") === mode };
  for (const mode of ["light", "dark"]) document.documentElement.classList.toggle(mode, theirs.contains(mode));
}
follow();
if (framed) new MutationObserver(follow).observe(window.parent.document.documentElement, { attributeFilter: ["class"] });

// Airflow's frame forbids its pages to lead out of it. Links to Airflow's own pages are followed as Airflow's own.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[target=_top]");
  if (!framed || !link) return;
  event.preventDefault();
  const outside = window.parent.document.createElement("a");
  outside.href = link.href;
  outside.click();
});

// A run that goes on: what shows how far it is is asked for anew, and the whole page when it is over or stands at a person.
async function watch() {
  const shown = document.querySelector("[data-progress]");
  if (!shown) return;
  const answer = document.hidden ? null : await fetch(shown.dataset.progress).catch(() => null);
  if (answer && answer.ok) {
    const { changed, html } = await answer.json();
    if (changed) return location.reload();
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-progress]");
    if (fresh && fresh.outerHTML !== shown.outerHTML) shown.replaceWith(fresh); // else what has the focus would lose it
  }
  setTimeout(watch, 2000);
}
document.addEventListener("DOMContentLoaded", watch);
