// The images of the next prompt: attached by button, paste or drop, checked by the server one after the other,
// shown as the models will get them, described and removed. They are sent with the prompt, and stay if that fails.
"use strict";
const agonAttachments = (() => {
  const KINDS = "image/png,image/jpeg,image/webp,image/gif";
  const BLIND = () => document.body.hasAttribute("data-agon") ? agonText("The models here cannot see images. Ask with words.") : agonText("Images cannot be attached here. Ask with words.");
  let most = 0, bytes = 0, say = () => {};
  let images = []; // { file, sha256, alt, done: a promise, item: its line }
  let last = Promise.resolve(); // one upload at a time

  const at = (id) => document.getElementById(id);
  const ask = () => at("ag-ask");
  const open = () => ask()?.offsetParent !== null;
  const text = () => ask().querySelector("textarea");

  function tell(sentence) {
    const note = at("ag-imagenote");
    note.textContent = sentence;
    note.hidden = !sentence;
  }

  // ---- one image ------------------------------------------------------------------------------------
  function line(image) {
    const item = document.createElement("li");
    item.className = "ag-attached";
    item.innerHTML = '<span class="ag-thumb"></span><label><span class="ag-sr"></span><input type="text" maxlength="500" ' +
      `placeholder="${agonText("Describe it for those who cannot see it (optional)")}"></label>` + '<button type="button" class="ag-btn ag-quiet"><svg width="12" height="12" viewBox="0 0 12 12" fill="none" stroke="currentColor" stroke-width="1.6" aria-hidden="true"><path d="m2.5 2.5 7 7M9.5 2.5l-7 7"/></svg><span class="ag-hide"></span></button>';
    item.querySelector("button .ag-hide").textContent = agonText("Remove");
    const input = item.querySelector("input");
    input.value = image.alt || "";
    input.addEventListener("input", () => { image.alt = input.value; });
    item.querySelector("button").addEventListener("click", () => remove(image));
    return item;
  }

  function number() {
    images.forEach((image, index) => {
      image.item.querySelector("label span").textContent = agonText("Description of image {number}", { number: index + 1 });
      image.item.querySelector("button").setAttribute("aria-label", agonText("Remove image {number}", { number: index + 1 }));
    });
    at("ag-images").hidden = !images.length;
    at("ag-attach").disabled = images.length >= most;
  }

  function add(image) {
    image.item = line(image);
    images.push(image);
    at("ag-images").append(image.item);
    number();
  }

  function remove(image, { quiet } = {}) {
    const index = images.indexOf(image);
    if (index < 0) return;
    images.splice(index, 1);
    image.item.remove();
    number();
    if (quiet) return;
    tell("");
    say(agonText("Image removed"));
    (images[Math.min(index, images.length - 1)]?.item.querySelector("button") || at("ag-attach")).focus();
  }

  function picture(image) {
    const shown = document.createElement("img");
    shown.alt = "";
    shown.src = `./api/images/${image.sha256}`;
    image.item.querySelector(".ag-thumb").replaceChildren(shown);
  }

  async function upload(image) {
    let answer, data = {};
    try {
      answer = await fetch("./api/images", { method: "POST", headers: { "content-type": image.file.type }, body: image.file });
      data = await answer.json().catch(() => ({}));
    } catch {
      data = { sentence: agonText("The arena cannot be reached. Attach the image again.") };
    }
    if (!images.includes(image)) return; // removed meanwhile
    if (!answer?.ok) {
      remove(image, { quiet: true });
      tell(`${image.file.name ? `${image.file.name}: ` : ""}${data.sentence || agonText("The image could not be attached. Try again.")}`);
    } else if (images.some((other) => other !== image && other.sha256 === data.sha256)) {
      remove(image, { quiet: true });
      tell(agonText("This image is attached already."));
    } else {
      image.sha256 = data.sha256;
      picture(image);
      say(agonText("Image attached"));
    }
  }

  function take(files) {
    tell("");
    if (!most) return tell(BLIND());
    for (const file of files) {
      const name = file.name || agonText("The image");
      if (images.length >= most) tell(most === 1 ? agonText("A prompt takes one image. Remove it first.") : agonText("A prompt takes up to {most} images. Remove one first.", { most }));
      else if (file.size > bytes) tell(agonText("{name} is larger than {size} MB. Attach a smaller one.", { name, size: bytes / 1e6 }));
      else if (!KINDS.split(",").includes(file.type)) tell(agonText("{name} is no image that can be read here. Attach a PNG, JPEG, WebP or GIF.", { name }));
      else {
        const image = { file };
        add(image);
        image.done = last = last.then(() => (images.includes(image) ? upload(image) : null));
      }
    }
  }

  // ---- what the page asks of it -----------------------------------------------------------------------
  function show(next, announce) {
    most = next.images || 0;
    bytes = next.image_bytes || 0;
    say = announce;
    at("ag-attach").hidden = !most;
    if (!most && images.length && next.may_ask !== false) tell(BLIND());
    number();
  }

  async function sent() {
    await Promise.all(images.map((image) => image.done));
    return images.map((image) => ({ sha256: image.sha256, alt: image.alt || null }));
  }

  function clear() {
    for (const image of [...images]) remove(image, { quiet: true });
    tell("");
  }

  function fill(given) {
    clear();
    for (const { sha256, alt } of given) {
      const image = { sha256, alt, done: null };
      add(image);
      picture(image);
    }
  }

  // ---- ears -------------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => { if (event.target.closest?.("#ag-attach")) at("ag-files").click(); });
  document.addEventListener("change", (event) => {
    if (event.target !== at("ag-files")) return;
    take([...event.target.files]);
    event.target.value = "";
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files || [])].filter((file) => file.type.startsWith("image/"));
    if (!files.length || !ours(event) || !open() || event.target.closest?.("#ag-images")) return;
    event.preventDefault();
    take(files);
  });
  // What is dropped elsewhere in somebody else's page is not for us.
  const ours = (event) => document.body.hasAttribute("data-agon") || ask()?.contains(event.target);
  const dragged = (event) => [...(event.dataTransfer?.types || [])].includes("Files") && ours(event);
  document.addEventListener("dragover", (event) => {
    if (!dragged(event)) return;
    event.preventDefault(); // else the browser would leave the page for the file
    ask().toggleAttribute("data-drop", open() && most > 0);
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) ask()?.removeAttribute("data-drop"); });
  document.addEventListener("drop", (event) => {
    if (!dragged(event)) return;
    event.preventDefault();
    ask().removeAttribute("data-drop");
    if (!open()) return;
    take([...event.dataTransfer.files]);
    text().focus();
  });

  return { show, sent, clear, fill };
})();
