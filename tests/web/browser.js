/*
 * What users do, done in a real Chromium against the lab. Prints TAP lines "ok"/"not ok" without numbers; 14-web.sh counts them.
 *
 *   node browser.js URL STEP [ARGUMENT...]
 *
 * Environment: WEB_MODULES (folder of node_modules), WEB_SHOTS (folder for screenshots, or unset), WEB_RESOLVE (address of the host
 * in URL). A step ends with exit code 0 when nothing failed.
 */
"use strict";

const { createRequire } = require("node:module");
const fs = require("node:fs");
const path = require("node:path");

const modules = createRequire(path.join(process.env.WEB_MODULES, "x.js"));
const { chromium } = modules("playwright-core");
const axe = fs.readFileSync(path.join(process.env.WEB_MODULES, "axe-core/axe.min.js"), "utf8");

const [url, step, ...rest] = process.argv.slice(2);
const shots = process.env.WEB_SHOTS;
const patience = Number(process.env.STORY_PATIENCE || 1);
const phone = { width: 390, height: 844 };
const desktop = { width: 1280, height: 900 };
let failed = 0;

function check(what, good, found) {
	console.log(`${good ? "ok" : "not ok"} - ${what}`);
	if (!good) {
		failed++;
		console.log(`#   found: ${String(found).replace(/\s+/g, " ").slice(0, 600)}`);
	}
}

async function shot(page, name) {
	if (!shots)
		return;
	for (const [size, viewport] of [["phone", phone], ["desktop", desktop]]) {
		await page.setViewportSize(viewport);
		for (const colorScheme of ["light", "dark"]) {
			await page.emulateMedia({ colorScheme });
			await page.screenshot({ path: path.join(shots, `${name}-${size}-${colorScheme}.png`), fullPage: await page.evaluate(() => document.documentElement.scrollHeight < 2600) });
		}
	}
	await page.emulateMedia({ colorScheme: "light" });
}

/* WCAG 2.2 AA, as far as a program sees it, light and dark; and nothing wider than a phone. */
async function accessible(page, name) {
	const found = [];

	for (const colorScheme of ["light", "dark"]) {
		await page.emulateMedia({ colorScheme });
		/* By the debugger: the pages' own policy forbids foreign script. */
		const session = await page.context().newCDPSession(page);
		await session.send("Runtime.evaluate", { expression: axe });
		const { result } = await session.send("Runtime.evaluate", { awaitPromise: true, returnByValue: true, expression:
			`axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })` });
		await session.detach();
		for (const each of result.value.violations)
			found.push(`${colorScheme} ${each.id}: ${each.nodes[0].html} ${each.nodes[0].failureSummary}`);
	}
	check(`${name}: axe-core finds nothing`, found.length === 0, found.join("; "));
	await page.emulateMedia({ colorScheme: "light" });
	await page.setViewportSize({ width: 320, height: 640 });
	const wide = await page.evaluate(() => document.documentElement.scrollWidth);
	check(`${name}: fits a screen of 320 pixels`, wide <= 320, `${wide} pixels`);
	await page.setViewportSize(desktop);
}

async function signIn(page, user, password) {
	await page.goto(`${url}sign-in`);
	await page.getByLabel("Mail address").fill(user);
	await page.getByLabel("Password").fill(password);
	await page.getByRole("button", { name: "Sign in" }).click();
}

function row(page, subject) {
	return page.locator("li.message").filter({ has: page.getByRole("link", { name: subject, exact: true }) });
}

/* A folder of the sharing page, under that heading. */
function folderRow(page, section, folder) {
	return page.locator("section").filter({ has: page.getByRole("heading", { name: section, exact: true }) })
		.locator("li.message").filter({ has: page.locator(".subject", { hasText: folder }) });
}

async function rows(page) {
	return page.locator("li.message").evaluateAll((list) =>
		list.map((each) => each.innerText.replace(/\s+/g, " ")).join(" | "));
}

const notice = (page) => page.locator(".notice").innerText({ timeout: 5000 * patience }).catch(() => "nothing");

const steps = {
	/* usage: history WRONG-SUBJECT: a good message that was called spam, or spam that got through. */
	async history(page, [subject]) {
		await page.goto(url);
		check("without signing in one is asked to", page.url().includes("sign-in"), page.url());
		await accessible(page, "signing in");
		await shot(page, "sign-in");
		await signIn(page, "alice@example.test", "wrong");
		check("a wrong password is refused", (await page.locator("#problem").innerText()).includes("wrong"), await page.content());
		const before = (await page.context().cookies())[0]?.value;
		await signIn(page, "alice@example.test", "secret");
		check("alice signs in and sees her history", page.url().endsWith("/history"), page.url());
		const cookie = (await page.context().cookies()).find((each) => each.name === "__Host-shoveler");
		check("under a new session", cookie.value.split(":")[1] !== before?.split(":")[1], cookie.value);
		check("in a cookie that is HttpOnly, Secure, SameSite",
			(await page.context().cookies()).every((each) => each.httpOnly && each.secure && each.sameSite === "Lax" && each.name.startsWith("__Host-")),
			JSON.stringify(await page.context().cookies()));
		await accessible(page, "history");
		await shot(page, "history");

		await page.getByLabel("Sender or subject").fill(subject);
		await page.getByRole("button", { name: "Search" }).click();
		check(`she finds "${subject}"`, await row(page, subject).count() === 1, await rows(page));
		await row(page, subject).getByRole("link").click();
		check("and reads why", (await page.locator("main").innerText()).includes("Your filter"), await page.content());
		await accessible(page, "message");
		await shot(page, "message");
		await page.goBack();
		await row(page, subject).getByRole("button", { name: "Spam", exact: true }).click();
		check("she says it is spam", (await notice(page)).includes("1 message is spam"), await notice(page));
		check("which the history shows", (await row(page, subject).innerText()).includes("corrected by you"), await rows(page));
		await row(page, subject).getByRole("checkbox").check();
		await page.getByRole("button", { name: "Take my correction back" }).click();
		check("she takes it back", (await notice(page)).includes("taken back"), await notice(page));
		await row(page, subject).getByRole("checkbox").check();
		await page.locator(".actions").getByRole("button", { name: "Spam", exact: true }).click();
		check("and says it again", (await notice(page)).includes("is spam"), await notice(page));
		await page.getByRole("button", { name: "Sign out" }).click();
		await page.goto(`${url}history`);
		check("signed out she sees nothing", page.url().includes("sign-in"), page.url());
		await page.context().addCookies([{ ...cookie }]);
		await page.goto(`${url}history`);
		check("nor with the old cookie", page.url().includes("sign-in"), page.url());
	},

	/* usage: prefer ACTION: how spam is handled. */
	async prefer(page, [action]) {
		await signIn(page, "alice@example.test", "secret");
		await page.getByRole("link", { name: "Preferences" }).click();
		await accessible(page, "preferences");
		await page.locator(`#spamAction-${action}`).check();
		await page.getByLabel("Words that you do not want").fill("Invoice, boss@");
		await page.getByRole("button", { name: "What would change?" }).click();
		check("she looks at the effect first", (await page.locator(".effect").innerText()).includes("Nothing is saved yet"), await page.content());
		await shot(page, "preferences");
		await page.getByRole("button", { name: "Save" }).click();
		check("and saves", (await notice(page)).includes("saved"), await notice(page));
		check("what she chose", await page.locator(`#spamAction-${action}`).isChecked(), await page.content());
	},

	/* usage: choose NAME=VALUE...: what else there is to choose, saved at once. */
	async choose(page, choices) {
		await signIn(page, "alice@example.test", "secret");
		await page.goto(`${url}preferences`);
		for (const [name, value] of choices.map((each) => each.split("="))) {
			const radio = page.locator(`#${name}-${value}`);
			if (await radio.count() === 1)
				await radio.check();
			else if (["on", "off"].includes(value))
				await page.locator(`#${name}`).setChecked(value === "on");
			else if (await page.locator(`select#${name}`).count() === 1)
				await page.locator(`#${name}`).selectOption(value);
			else
				await page.locator(`#${name}`).fill(value);
		}
		await page.getByRole("button", { name: "Save" }).click();
		check(`alice chooses ${choices.join(", ")}`, (await notice(page)).includes("saved"), await page.content());
	},

	/* usage: virus SUBJECT: what was kept from her. */
	async virus(page, [subject]) {
		await signIn(page, "alice@example.test", "secret");
		await page.goto(`${url}history?outcome=virus`);
		check("her history tells of the virus", (await row(page, subject).innerText()).includes("Virus"), await rows(page));
		check("without a button to teach it", await row(page, subject).getByRole("button").count() === 0, await rows(page));
		await accessible(page, "history with a virus");
		await shot(page, "virus");
		await row(page, subject).getByRole("link").click();
		check("and which one", /Lab\.Eicar/.test(await page.locator("main").innerText()), await page.content());
		await accessible(page, "a virus");
	},

	/* usage: quarantine HELD RELEASED DELETED: subjects. */
	async quarantine(page, [release, remove]) {
		await signIn(page, "alice@example.test", "secret");
		await page.getByRole("link", { name: "Quarantine" }).click();
		check("her quarantine has them", await row(page, release).count() === 1 && await row(page, remove).count() === 1, await rows(page));
		check("her own word is highlighted", (await row(page, release).innerText()).includes("Your word"), await rows(page));
		await accessible(page, "quarantine");
		await shot(page, "quarantine");
		await row(page, release).getByRole("link").click();
		const main = await page.locator("main").innerHTML();
		check("the preview shows its text", (await page.locator("pre.preview").innerText()).length > 10, main);
		check("and none of its HTML", !/<(img|iframe|script|style|font|table)/i.test(main.replace(/&lt;/g, "")), main);
		await accessible(page, "held message");
		await shot(page, "held");
		await page.getByRole("button", { name: "Release" }).click();
		check("she releases it", (await notice(page)).includes("on its way"), await notice(page));
		check("it is gone from there", await row(page, release).count() === 0, await rows(page));
		await row(page, remove).getByRole("checkbox").check();
		await page.locator(".actions").getByRole("button", { name: "Delete" }).click();
		check("she deletes the other", (await notice(page)).includes("deleted"), await notice(page));
	},

	/* Without signing in. usage: link PATH SUBJECT */
	async link(page, [link, subject]) {
		await page.goto(`${url}${link}`);
		check("the link's page asks first", (await page.locator("main").innerText()).includes(subject), await page.content());
		await accessible(page, "link of the digest");
		await shot(page, "link");
		await page.getByRole("button", { name: "Release" }).click();
		check("and does it then", (await page.locator("h1").innerText()) === "Done", await page.content());
	},

	/* The help, without signing in. */
	async help(page) {
		await page.goto(`${url}sign-in`);
		await page.getByRole("link", { name: "Help" }).click();
		const broken = () => page.evaluate(() => [...document.querySelectorAll("main a[href^='#']")].map((each) => each.hash)
			.filter((hash) => document.getElementById(decodeURIComponent(hash.slice(1))) === null).join(" "));
		check("the help is there without signing in", await page.locator("h1").innerText() === "Help" && await page.locator("h2").count() >= 5, await page.content());
		check("its contents lead somewhere", await broken() === "", await broken());
		await page.locator("main img").evaluateAll((list) => Promise.all(list.map((each) => { each.loading = "eager"; return each.decode().catch(() => 0); })));
		const sizes = await page.locator("main img").evaluateAll((list) => list.map((each) => each.naturalWidth));
		check("its pictures are shown", sizes.length >= 4 && sizes.every((each) => each > 100), sizes);
		await accessible(page, "help");
		await shot(page, "help");
		await page.getByRole("link", { name: "En français" }).click();
		const text = await page.locator("main").innerText();
		check("in French too", await page.locator("html").getAttribute("lang") === "fr" && !/\b(the|your|and)\b/i.test(text), text);
		check("with the same parts", await page.locator("h2").count() >= 5 && await broken() === "", await broken());
	},

	async statistics(page) {
		await signIn(page, "alice@example.test", "secret");
		await page.getByRole("link", { name: "Statistics" }).click();
		check("statistics have pictures", await page.locator("svg.chart rect").count() > 0, await page.content());
		await accessible(page, "statistics");
		await shot(page, "statistics");
		await page.goto(`${url}forget`);
		await accessible(page, "forgetting");
		await page.goto(`${url}trusted`);
		await accessible(page, "trusted senders");
		const download = page.waitForEvent("download");
		await page.goto(`${url}preferences`);
		await page.getByRole("link", { name: "Download my data" }).click();
		const data = JSON.parse(fs.readFileSync(await (await download).path(), "utf8"));
		check("her data is hers", data.user === "alice@example.test" && data.history.length > 0, JSON.stringify(data).slice(0, 200));
		await page.getByLabel("Language").selectOption("fr");
		await page.getByRole("button", { name: "Save" }).click();
		check("French is understood", (await page.locator("h1").innerText()) === "Préférences", await page.locator("h1").innerText());
		check("throughout", !/\b(the|your|and)\b/i.test(await page.locator("main").innerText()), await page.locator("main").innerText());
		await page.locator("#locale").selectOption("auto");
		await page.getByRole("button", { name: "Enregistrer" }).click();
		await page.goto(`${url}forget`);
		await page.locator("#days").selectOption("1");
		await page.getByRole("button", { name: "Go on" }).click();
		check("she is asked before anything is forgotten", (await page.locator("main").innerText()).includes("last 1 day"), await page.content());
		await accessible(page, "confirming");
		await shot(page, "forget");
		await page.getByRole("button", { name: "Forget it" }).click();
		check("and it is forgotten", /[1-9]\d* .*forg/i.test(await notice(page)), await notice(page));
	},

	/* bob shares, in his browser. usage: sharing FOLDER WITH KIND LEVEL */
	async sharing(page, [folder, who, kind, level]) {
		await signIn(page, "bob@example.test", "secret");
		await page.getByRole("link", { name: "Sharing" }).click();
		check("bob sees his folders", await folderRow(page, "My folders", folder).count() === 1, await page.locator("main").innerText());
		await accessible(page, "sharing");
		await shot(page, "sharing");
		await folderRow(page, "My folders", folder).getByRole("link").click();
		await page.getByLabel("A person or a group").selectOption(kind);
		await page.getByLabel("Mail address, or name of the group").fill("nobody@example.test");
		await page.getByRole("button", { name: "Share", exact: true }).click();
		check("sharing with somebody who is not there is refused in plain words",
			/There is no such (user|group) here/.test(await page.locator("#problem").innerText()), await page.content());
		check("and what he typed is still there", await page.locator("#who").inputValue() === "nobody@example.test", await page.content());
		await accessible(page, "a refused share");
		await page.getByLabel("Mail address, or name of the group").fill(who);
		await page.locator(`#level-${level}`).check();
		await page.getByRole("button", { name: "Share", exact: true }).click();
		check(`bob shares ${folder} with ${who}`, (await notice(page)).includes("shared"), await notice(page));
		check("which the page shows", (await page.locator("main").innerText()).includes(who), await page.locator("main").innerText());
		await accessible(page, "a folder");
		await shot(page, "folder");
	},

	/* usage: unshare FOLDER WHO */
	async unshare(page, [folder, who]) {
		await signIn(page, "bob@example.test", "secret");
		await page.goto(`${url}sharing`);
		await folderRow(page, "My folders", folder).getByRole("link").click();
		await page.locator("li.message").filter({ hasText: who }).getByRole("button").click();
		check(`bob takes ${folder} back from ${who}`, (await notice(page)).includes("no longer"), await notice(page));
	},

	/* usage: subscribe SECTION FOLDER: alice follows a folder, and does not any more, and does. */
	async subscribe(page, [section, folder]) {
		await signIn(page, "alice@example.test", "secret");
		await page.goto(`${url}sharing`);
		check(`alice sees ${folder} under "${section}"`, await folderRow(page, section, folder).count() === 1, await page.locator("main").innerText());
		check("which she may not manage", await folderRow(page, section, folder).getByRole("link").count() === 0, await page.locator("main").innerText());
		await folderRow(page, section, folder).getByRole("button").click();
		check("she subscribes", (await notice(page)).includes("from now on"), await notice(page));
		await folderRow(page, section, folder).getByRole("button", { name: "Unsubscribe" }).click();
		check("and unsubscribes", (await notice(page)).includes("any more"), await notice(page));
		await folderRow(page, section, folder).getByRole("button", { name: "Subscribe" }).click();
		await notice(page);
		await page.context().clearCookies({ name: "__Host-shoveler-mail" });
		await page.goto(`${url}sharing`);
		check("without the mail password she is asked for it", await page.getByLabel("Password").count() === 1, await page.content());
		await accessible(page, "unlocking");
		await shot(page, "unlock");
		await page.getByLabel("Password").fill("wrong");
		await page.getByRole("button", { name: "Show my folders" }).click();
		check("a wrong one does not do", (await page.locator("#problem").innerText()).includes("wrong"), await page.content());
		await page.getByLabel("Password").fill("secret");
		await page.getByRole("button", { name: "Show my folders" }).click();
		check("hers does", await folderRow(page, section, folder).count() === 1, await page.content());
	},

	/* bob is the delegate of a public folder. usage: delegate FOLDER */
	async delegate(page, [folder]) {
		await signIn(page, "bob@example.test", "secret");
		await page.goto(`${url}sharing`);
		await folderRow(page, "Public folders", folder).getByRole("link", { name: "Manage" }).click();
		await page.getByLabel("Mail address, or name of the group").fill("alice@example.test");
		await page.getByRole("button", { name: "Share", exact: true }).click();
		check(`bob lets alice read ${folder}`, (await notice(page)).includes("shared"), await notice(page));
	},

	/* alice is the contact of a domain. usage: fallback DOMAIN */
	async fallback(page, [domain]) {
		await signIn(page, "alice@example.test", "secret");
		await page.getByRole("link", { name: "Fallback MX" }).click();
		const text = await page.locator("main").innerText();
		check(`alice sees what waits for ${domain}`, text.includes(domain) && /Messages that wait\s+1/.test(text), text);
		check("and why", /last error/i.test(text), text);
		await accessible(page, "fallback MX");
		await shot(page, "fallback");
		await page.getByRole("button", { name: "Deliver now" }).click();
		check("she has it delivered now", (await notice(page)).includes("asked"), await notice(page));
		await page.getByLabel("Keep all of it at least for").selectOption("14");
		await page.getByRole("button", { name: "Extend" }).click();
		check("and kept for longer", (await notice(page)).includes("asked"), await notice(page));
	},

	/* What came of it. usage: fallbackDone */
	async fallbackDone(page) {
		await signIn(page, "alice@example.test", "secret");
		await page.goto(`${url}fallback`);
		const text = await page.locator("main").innerText();
		check("alice reads what came of it", /deliver now: done/.test(text) && /keep longer: done/.test(text), text);
		check("and until when all is kept", /at least until/.test(text), text);
		await accessible(page, "fallback MX, after a request");
	},

	/* bob is the host's administrator. usage: host VIRUS LIST */
	async host(page, [virus, list]) {
		await signIn(page, "bob@example.test", "secret");
		await page.getByRole("link", { name: "Host", exact: true }).click();
		const text = await page.locator("main").innerText();
		for (const part of ["Health", "example.test", "Postfix's queue", virus, list])
			check(`the host's page says ${part}`, text.includes(part), text);
		await accessible(page, "host");
		await shot(page, "host");
		await page.getByLabel("What becomes of spam").selectOption("tag");
		await page.getByLabel("The mark in the subject").fill("[Junk]");
		await page.getByLabel("How careful shall the filter be?").selectOption("3");
		await page.getByLabel("Known after so many good messages").fill("7");
		await page.getByLabel("Language").selectOption("en");
		await page.getByRole("button", { name: "Save" }).click();
		check("bob sets what becomes of spam", (await notice(page)).includes("asked"), await notice(page));
	},

	/* carol is her domain's administrator. */
	async domain(page) {
		await signIn(page, "carol@example.test", "secret");
		await page.getByRole("link", { name: "Host", exact: true }).click();
		const text = await page.locator("main").innerText();
		check("carol sees her domain", text.includes("example.test"), text);
		check("and not the host", !text.includes("Health") && !text.includes("queue"), text);
		check("what was set is shown", await page.getByLabel("What becomes of spam").inputValue() === "tag" &&
			await page.getByLabel("The mark in the subject").inputValue() === "[Junk]", text);
		await accessible(page, "domain");
		await shot(page, "domain");
	},

	/* Without script everything works too. usage: plain SUBJECT */
	async plain(page, [subject]) {
		await signIn(page, "alice@example.test", "secret");
		await page.goto(`${url}history?q=${encodeURIComponent(subject)}`);
		await row(page, subject).getByRole("checkbox").check();
		await page.locator(".actions").getByRole("button", { name: "Not spam" }).click();
		check("without JavaScript she corrects as well", (await notice(page)).includes("is good"), await notice(page));

		/* And with nothing but the keyboard. */
		await page.goto(`${url}history?q=${encodeURIComponent(subject)}`);
		const focused = () => page.evaluate(() => `${document.activeElement.innerText || document.activeElement.type}`);
		await page.keyboard.press("Tab");
		check("the first key leads past the menu", (await focused()).includes("Skip"), await focused());
		for (let i = 0; i < 60 && !(await row(page, subject).getByRole("checkbox").evaluate((box) => box === document.activeElement)); i++)
			await page.keyboard.press("Tab");
		await page.keyboard.press("Space");
		check("by Tab and Space she selects a message", await row(page, subject).getByRole("checkbox").isChecked(), await focused());
		for (let i = 0; i < 60 && (await focused()) !== "Not spam"; i++)
			await page.keyboard.press("Shift+Tab");
		await page.keyboard.press("Enter");
		check("and by Enter she says what it is", (await notice(page)) !== "nothing", await notice(page));
	},
};

async function main() {
	const browser = await chromium.launch({
		executablePath: "/usr/bin/chromium",
		args: ["--no-sandbox", "--disable-gpu", `--host-resolver-rules=MAP ${new URL(url).host} ${process.env.WEB_RESOLVE}`],
	});
	const context = await browser.newContext({
		ignoreHTTPSErrors: true, viewport: desktop, locale: "en", reducedMotion: "reduce", javaScriptEnabled: step !== "plain", acceptDownloads: true,
	});
	const page = await context.newPage();
	const errors = [];

	page.setDefaultTimeout(10000 * patience);
	page.on("pageerror", (error) => errors.push(String(error)));
	page.on("console", (message) => message.type() === "error" && !/status of (403|404|410|422|429)/.test(message.text()) && errors.push(message.text()));
	page.on("request", (request) => request.url().startsWith(url) || errors.push(`asks ${request.url()}`));
	try {
		await steps[step](page, rest);
	} catch (error) {
		check(`step ${step}`, false, error);
		if (shots)
			await page.screenshot({ path: path.join(shots, `failed-${step}.png`) });
	}
	check(`${step}: the browser complains of nothing, and asks nobody else`, errors.length === 0, errors.join("; "));
	await browser.close();
	process.exit(failed > 0 ? 1 : 0);
}

main();
