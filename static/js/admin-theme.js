// The theme of the profile, where the page's own template has no place for it.
document.documentElement.dataset.theme = document.currentScript.dataset.theme;
