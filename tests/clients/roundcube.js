/*
 * What users do in Roundcube, done in a real Chromium against the lab. Prints TAP lines "ok"/"not ok" without numbers;
 * 50-mail-clients.sh counts them.
 *
 *   node roundcube.js URL USER STEP [ARGUMENT...] [, STEP [ARGUMENT...]]...
 *
 * Environment: WEB_MODULES (folder of node_modules), CLIENT_SHOTS (folder for the pictures of docs/user.md, or unset), WEB_RESOLVE
 * (address of the host in URL).
 */
"use strict";

const { createRequire } = require("node:module");
const fs = require("node:fs");
const path = require("node:path");

const modules = createRequire(path.join(process.env.WEB_MODULES, "x.js"));
const { chromium } = modules("playwright-core");

const [url, user, ...words] = process.argv.slice(2);
const shots = process.env.CLIENT_SHOTS;
const patience = Number(process.env.STORY_PATIENCE || 1);
let failed = 0;

function check(what, good, found) {
	console.log(`${good ? "ok" : "not ok"} - ${what}`);
	if (!good) {
		failed++;
		console.log(`#   found: ${String(found).replace(/\s+/g, " ").slice(0, 600)}`);
	}
}

/* The first of each name stays. */
async function shot(page, name) {
	if (shots && !fs.existsSync(path.join(shots, `${name}.png`)))
		await page.screenshot({ path: path.join(shots, `${name}.png`) });
}

const said = (page) => page.locator("#messagestack .alert:not(.loading)").last().innerText({ timeout: 8000 * patience }).catch(() => "nothing");
/* What left the list may stay in the table, hidden. */
const rows = (page) => page.locator("#messagelist tbody tr:visible");
const row = (page, subject) => rows(page).filter({ hasText: subject });
const subjects = (page) => rows(page).allInnerTexts();

async function openFolder(page, name) {
	await page.goto(`${url}?_task=mail&_mbox=${encodeURIComponent(name)}`);
	await page.waitForFunction(() => !window.rcmail.busy);
}

async function select(page, subject) {
	await row(page, subject).locator("td.subject").click({ position: { x: 5, y: 5 } });
	await page.frameLocator("#messagecontframe").locator("h2.subject", { hasText: subject }).waitFor();
	await page.waitForFunction(() => !window.rcmail.busy);
}

async function leaves(page, subject) {
	await row(page, subject).waitFor({ state: "hidden", timeout: 10000 * patience }).catch(() => {});
	await page.waitForFunction(() => !window.rcmail.busy);
}

/* In the settings of the folder, read-only as the dialog offers it. */
async function addEntry(page, folder, other) {
	await page.goto(`${url}?_task=settings&_action=folders`);
	await page.locator(`#subscription-table li:has(input[value="${folder}"]) > a`).last()
		.evaluate((link) => link.click());
	const frame = page.frameLocator("#preferences-frame");
	await frame.locator("#acllist-footer a.create:not(.disabled)").click();
	await page.locator("input[name=acluser]").fill(other);
	await shot(page, "roundcube-share");
	await page.locator(".ui-dialog button.mainaction").click();
}

const steps = {
	/* usage: junk FOLDER SUBJECT: the button of markasjunk. */
	async junk(page, folder, subject) {
		await openFolder(page, folder);
		await select(page, subject);
		await shot(page, "roundcube-junk");
		await page.locator("#toolbar-menu a.junk:not(.disabled)").click();
		await leaves(page, subject);
		check(`${user} marks "${subject}" as junk, and it leaves ${folder}`, await row(page, subject).count() === 0, await subjects(page));
	},

	async notjunk(page, folder, subject) {
		await openFolder(page, folder);
		await select(page, subject);
		await shot(page, "roundcube-not-junk");
		await page.locator("#toolbar-menu a.notjunk:not(.disabled)").click();
		await leaves(page, subject);
		check(`${user} marks "${subject}" as no junk, and it leaves ${folder}`, await row(page, subject).count() === 0, await subjects(page));
	},

	/* usage: drag FROM TO SUBJECT: with the mouse. */
	async drag(page, from, to, subject) {
		await openFolder(page, from);
		const target = page.locator(`#mailboxlist a[rel="${to}"]`);
		const start = await row(page, subject).locator("td.subject").boundingBox();
		const end = await target.boundingBox();
		await page.mouse.move(start.x + 30, start.y + start.height / 2);
		await page.mouse.down();
		await page.mouse.move(start.x + 10, start.y + start.height / 2 + 20, { steps: 5 });
		await page.mouse.move(end.x + 40, end.y + end.height / 2, { steps: 15 });
		await shot(page, "roundcube-drag");
		await page.mouse.up();
		await leaves(page, subject);
		check(`${user} drags "${subject}" from ${from} to ${to}`, await row(page, subject).count() === 0, await subjects(page));
	},

	/* usage: share FOLDER WITH */
	async share(page, folder, other) {
		await addEntry(page, folder, other);
		check(`${user} shares ${folder} with ${other}`, /success/i.test(await said(page)), await said(page));
		await page.waitForTimeout(300);
		await shot(page, "roundcube-shared");
	},

	/* usage: refused FOLDER WITH: who does not exist. */
	async refused(page, folder, other) {
		await addEntry(page, folder, other);
		check(`${user} cannot share ${folder} with ${other}`, /unable|error/i.test(await said(page)), await said(page));
	},

	/* usage: subscribe FOLDER: by its switch in the settings, so that the list of folders has it. */
	async subscribe(page, folder) {
		await page.goto(`${url}?_task=settings&_action=folders`);
		const box = page.locator(`#subscription-table input[value="${folder}"]`);
		await box.waitFor({ state: "attached" });
		await Promise.all([
			page.waitForResponse((response) => response.url().includes("_action=subscribe") || response.request().postData()?.includes("subscribe")),
			box.evaluate((input) => input.click()),
		]);
		check(`${user} finds ${folder} and subscribes to it`, await box.isChecked(), await said(page));
	},

	/* usage: sees FOLDER SUBJECT */
	async sees(page, folder, subject) {
		await openFolder(page, folder);
		await row(page, subject).first().waitFor().catch(() => {});
		check(`${user} reads "${subject}" in ${folder}`, await row(page, subject).count() === 1, await subjects(page));
		await shot(page, "roundcube-seen");
	},
};

async function main() {
	const host = new URL(url).hostname;
	const browser = await chromium.launch({
		executablePath: "/usr/bin/chromium",
		args: ["--no-sandbox", `--host-resolver-rules=MAP ${host} ${process.env.WEB_RESOLVE}`],
	});
	try {
		const page = await browser.newPage({ viewport: { width: 1280, height: 700 }, locale: "en-GB" });
		page.setDefaultTimeout(20000 * patience);
		await page.goto(url);
		await page.locator("#rcmloginuser").fill(user);
		await page.locator("#rcmloginpwd").fill("secret");
		await page.locator("#rcmloginsubmit").click();
		await page.waitForURL(/_task=mail/);
		while (words.length > 0) {
			const end = words.includes(",") ? words.indexOf(",") : words.length;
			const [step, ...rest] = words.splice(0, end + 1).filter((each) => each !== ",");
			try {
				await steps[step](page, ...rest);
			} catch (error) {
				await shot(page, `failed-${step}`);
				check(`${user}: ${step} ${rest.join(" ")}`, false, error.message);
			}
		}
	} finally {
		await browser.close();
	}
	process.exit(failed > 0 ? 1 : 0);
}

main().catch((error) => {
	check(`${user} signs in`, false, error.message);
	process.exit(1);
});
