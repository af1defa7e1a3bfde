// Says in the page why a passkey did not work; the library only tells the console. The words are the page's.
document.addEventListener("allauth.error", (event) => {
  const place = document.querySelector("main form");
  const words = [...document.getElementById("passkey-words").content.children];
  const why = event.detail.exception && event.detail.exception.name;
  const fits = words.find((one) => one.dataset.failed === why) || words[words.length - 1];
  if (!place) return;
  event.preventDefault();
  document.querySelectorAll("main [data-failed]").forEach((one) => one.remove());
  place.before(fits.cloneNode(true));
});
