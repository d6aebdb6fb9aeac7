// Shows how far a large file has been sent; without scripts the form goes as every other does.
const LARGE = 1024 * 1024;

const sizeOf = (form) =>
  [...form.querySelectorAll("input[type=file]")]
    .flatMap((field) => [...field.files])
    .reduce((sum, file) => sum + file.size, 0);

const dataOf = (form, button) => {
  const data = new FormData(form);
  if (button && button.name) {
    data.append(button.name, button.value);
  }
  return data;
};

const barIn = (form, stop) => {
  form.querySelectorAll(".sending").forEach((before) => before.remove());
  const box = document.createElement("div");
  const told = document.createElement("p");
  const bar = document.createElement("progress");
  const ended = document.createElement("button");
  box.className = "sending";
  told.setAttribute("role", "status");
  told.textContent = form.dataset.sending;
  bar.max = 100;
  bar.value = 0;
  bar.setAttribute("aria-label", form.dataset.sending);
  ended.type = "button";
  ended.className = "quiet";
  ended.textContent = form.dataset.stop;
  ended.addEventListener("click", stop);
  box.append(told, bar, ended);
  form.append(box);
  return { box, told, bar, ended };
};

const show = (request, action) => {
  if (request.responseURL !== action) {
    // What was asked for has a page of its own.
    location.assign(request.responseURL);
    return;
  }
  document.open();
  document.write(request.responseText);
  document.close();
};

const send = (form, button) => {
  const request = new XMLHttpRequest();
  const seen = barIn(form, () => request.abort());
  const buttons = [...form.querySelectorAll("button")].filter((each) => each !== seen.ended);
  const data = dataOf(form, button);
  const over = (sentence) => {
    buttons.forEach((each) => { each.disabled = false; });
    seen.bar.remove();
    seen.ended.remove();
    seen.told.textContent = sentence;
  };
  buttons.forEach((each) => { each.disabled = true; });
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) {
      seen.bar.value = Math.floor((100 * event.loaded) / event.total);
    }
  });
  let sent = false;
  request.upload.addEventListener("load", () => {
    sent = true;
    seen.ended.remove();
    seen.bar.removeAttribute("value");
    seen.told.textContent = form.dataset.sent;
  });
  request.addEventListener("load", () => show(request, form.action));
  request.addEventListener("error", () => over(sent ? form.dataset.unknown : form.dataset.failed));
  request.addEventListener("abort", () => over(form.dataset.stopped));
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "text/html");
  request.send(data);
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  // A file that comes back is the browser's to keep.
  const isFile = button !== null && button !== undefined && button.value === "book";
  if (form.dataset.sending && !isFile && sizeOf(form) >= LARGE) {
    event.preventDefault();
    send(form, button);
  }
});
