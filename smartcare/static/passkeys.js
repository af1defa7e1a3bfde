// Says in the page why a passkey did not work; the library only tells the console. The words are the page's.
document.addEventListener("allauth.error", (event) => {
  const why = event.detail.exception && event.detail.exception.name;
  const words = document.querySelectorAll("[data-passkey-failed]");
  const fits = [...words].find((one) => one.dataset.passkeyFailed === why) || words[words.length - 1];
  if (!fits) return;
  event.preventDefault();
  words.forEach((one) => { one.hidden = one !== fits; });
  fits.setAttribute("role", "alert");
  const place = document.querySelector("main form");
  if (place) place.before(fits);
});
