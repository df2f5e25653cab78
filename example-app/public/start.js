/**
 * Fills the commands on the start page with the address that the app is really served at.
 */
for (const address of document.querySelectorAll('.origin')) address.textContent = window.location.origin
