// Looks at the page again after a while; waits while somebody types or reads what they unfolded.
const mine = document.querySelector("script[data-seconds]");
const wait = Number(mine.dataset.seconds) * 1000;

const busy = () => {
  const here = document.activeElement;
  return here.matches("input, select, textarea") || document.querySelector("main details[open]") !== null;
};

const again = () => {
  if (busy()) {
    setTimeout(again, wait);
  } else if (mine.dataset.url) {
    location.replace(mine.dataset.url);
  } else {
    location.reload();
  }
};

setTimeout(again, wait);
