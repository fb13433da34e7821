/* The pages work without this. It only saves clicks. */
"use strict";

/* "Select all", and how many are selected. */
for (const form of document.querySelectorAll("form.list")) {
	const boxes = [...form.querySelectorAll("input[name=s]")];
	const all = form.querySelector("#all");
	const hint = form.querySelector(".actions .hint");
	const label = hint.textContent;

	const update = () => {
		const count = boxes.filter((box) => box.checked).length;

		all.checked = count === boxes.length;
		all.indeterminate = count > 0 && count < boxes.length;
		hint.textContent = count > 0 ? `${label} ${count}` : label;
		form.classList.toggle("some", count > 0);
	};
	form.querySelector(".all").hidden = false;
	all.addEventListener("change", () => {
		for (const box of boxes)
			box.checked = all.checked;
		update();
	});
	form.addEventListener("change", update);
	update();
}

/* A filter counts as soon as it is chosen with the mouse or a finger; by keyboard, with Enter. */
for (const select of document.querySelectorAll("form.search select")) {
	let pointed = false;

	select.addEventListener("pointerdown", () => { pointed = true; });
	select.addEventListener("keydown", () => { pointed = false; });
	select.addEventListener("change", () => {
		if (pointed)
			select.form.requestSubmit();
	});
}

/* No form twice. */
for (const form of document.querySelectorAll("form[method=post]")) {
	form.addEventListener("submit", (event) => {
		if (form.dataset.sent)
			event.preventDefault();
		form.dataset.sent = "yes";
	});
}
window.addEventListener("pageshow", () => {
	for (const form of document.querySelectorAll("form[data-sent]"))
		delete form.dataset.sent;
});

/* On a phone the menu is wider than the screen: show where one is. */
const here = document.querySelector("nav [aria-current]");
if (here)
	here.scrollIntoView({ block: "nearest", inline: "center" });
