"use strict";
for (const figure of document.querySelectorAll("figure.compare")) {
  const stage = figure.querySelector(".stage");
  const slider = stage.querySelector("input");
  const tags = stage.querySelectorAll(".tag");
  const follow = () => {
    stage.style.setProperty("--at", slider.value + "%");
    slider.setAttribute("aria-valuetext", slider.value + " % " + tags[0].textContent);
  };
  slider.addEventListener("input", follow);
  for (const choice of figure.querySelectorAll("fieldset input")) {
    choice.addEventListener("change", () => {
      [stage.dataset.left, stage.dataset.right] = choice.value.split(" ");
      choice.dataset.tags.split("|").forEach((text, side) => { tags[side].textContent = text; });
      follow();
    });
  }
  follow();
}
