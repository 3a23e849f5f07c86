// Looks again by itself, unless somebody is typing or is asked a question.
const busy = () =>
  document.querySelector("dialog[open], :popover-open") !== null ||
  [...document.querySelectorAll("input[name=text]")].some(
    (box) => box.value !== "" || box === document.activeElement,
  );
setInterval(() => {
  if (!busy()) location.reload();
}, 3000);
