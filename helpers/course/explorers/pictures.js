// A student's own picture: the button [data-upload], or a file dropped on the explorer, is sent to the kernel, as its name and
// its bytes in base64. [data-part="own"] says so. A large one is made smaller here: a server takes no message above 10 MiB.
const LARGE = 4e6, LONGEST = 2048;

function pictures(root, on, send) {
  const input = Object.assign(document.createElement("input"), { type: "file", accept: "image/*,.heic,.heif" });
  const say = text => { for (const node of root.querySelectorAll("[data-part='own']")) { node.shown = null; node.textContent = text; } };

  async function smaller(file) {
    const image = await createImageBitmap(file), share = Math.min(1, LONGEST / Math.max(image.width, image.height));
    const canvas = document.createElement("canvas"), g = canvas.getContext("2d");
    [canvas.width, canvas.height] = [image.width, image.height].map(side => Math.max(1, Math.round(side * share)));
    g.fillStyle = "#fff";
    g.fillRect(0, 0, canvas.width, canvas.height);
    g.drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise(done => canvas.toBlob(done, "image/jpeg", .92));
  }
  async function take(file) {
    if (!file) return;
    try {
      const bytes = new Uint8Array(await (file.size > LARGE ? await smaller(file) : file).arrayBuffer()), letters = [];
      for (let i = 0; i < bytes.length; i += 32768) letters.push(String.fromCharCode(...bytes.subarray(i, i + 32768)));
      send([file.name, btoa(letters.join(""))]);
    } catch { say(`${file.name} cannot be sent from this browser: copy it into the folder my_pictures, and run the cell again.`); }
  }
  input.addEventListener("change", () => { take(input.files[0]); input.value = ""; });
  on("click", event => {
    if (!event.target.closest("[data-upload]")) return;
    say("Choose the file of a picture, or drop one here. It stays on this machine.");
    input.click();
  });
  const files = event => root.querySelector("[data-upload]") && event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  for (const type of ["dragenter", "dragover"]) on(type, event => { if (files(event)) { event.preventDefault(); event.stopPropagation(); } });
  on("drop", event => {
    if (!files(event)) return;
    event.preventDefault();
    event.stopPropagation();
    take(event.dataTransfer.files[0]);
  });
}
