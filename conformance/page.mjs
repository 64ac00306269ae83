// SPDX-License-Identifier: MPL-2.0
// A browser clicks through the page of `catena local up`: groups, group, task, log, verify, report; by mouse, by keyboard
// alone, on a phone, in the dark and without scripts. Run by page.sh.
//
//   node page.mjs CHROMIUM SERVER [DIRECTORY FOR SCREENSHOTS]

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { browser } from "./browser.mjs";

const [executablePath, serverPath, shots] = process.argv.slice(2);
const server = spawn(serverPath, { stdio: ["pipe", "pipe", "inherit"] });
const [first] = await createInterface({ input: server.stdout })[Symbol.asyncIterator]().next().then((line) => [line.value]);
const world = JSON.parse(first);
const origin = new URL(world.url).origin;
const { browse, close } = await browser(executablePath, origin, shots);

const heading = (page) => page.locator("h1").innerText();

/** Nothing is wider than the window. */
async function fits(page, what) {
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= window, `${what} is ${wide} wide in a window of ${window}`);
}

/** From the list of groups to the report, as a reader would. */
async function verifyByMouse(page, root, verdict, shot) {
  await page.goto(world.url);
  await page.getByRole("searchbox", { name: "Id of a task" }).fill(root);
  await page.getByRole("button", { name: "Go" }).click();
  await page.locator(".crumbs a[href^='/groups/']").click();
  await shot(`group-${verdict}`);
  await page.locator(`a[href='/tasks/${root}']`).first().click();
  assert.match(await page.locator("#trust").innerText(), /not verified/);
  await shot(`task-${verdict}`);
  await page.getByRole("button", { name: "Verify" }).click();
  await page.waitForURL(`**/tasks/${root}/report`);
  await page.locator(`.verdict.v-${verdict}`).waitFor();
  assert.match(await heading(page), new RegExp(`^${verdict}`, "i"));
  await fits(page, `the report, ${verdict}`);
  await shot(`report-${verdict}`);
  await shot(`report-${verdict}-screen`, false);
}

try {
  await browse("the way from the groups to a log", {}, async ({ page, shot }) => {
    await page.goto(world.url);
    assert.equal(await heading(page), "Task groups");
    await shot("groups");
    await page.getByRole("link", { name: "Nightly trouble" }).click();
    await shot("group");
    await page.getByRole("link", { name: "<script>alert('name')</script>" }).click();
    assert.match(await heading(page), /^<script>alert\('name'\)<\/script>/);
    await shot("task-hostile");
    await page.getByRole("link", { name: "public/logs/live_backing.log as text" }).click();
    assert.match(await page.locator("#L2").innerText(), /<img src=x onerror=alert\('log'\)>/);
    assert.match(await page.locator(".gap").innerText(), /2000 lines are left out/);
    await shot("log", false);
    await page.goto(`${world.url}tasks/${world.hostile}/runs/0/text?name=public/logs/live_backing.log#L4500`);
    assert.match(await page.locator(":target").innerText(), /line 4500/);
    const saved = page.waitForEvent("download");
    await page.getByRole("link", { name: "save" }).click();
    assert.equal((await saved).suggestedFilename(), "live_backing.log");
  });

  await browse("a trusted chain", {}, async ({ page, shot }) => {
    await verifyByMouse(page, world.roots.trusted, "trusted", shot);
    assert.equal(await page.locator(".finding").count(), 0);
    assert.ok((await page.locator(".chain tbody tr").count()) > 3);
    await page.locator(".chain details summary").first().click();
    await page.getByText("Checks passed").first().waitFor();
  });

  await browse("a rejected chain", {}, async ({ page, shot }) => {
    await verifyByMouse(page, world.roots.rejected, "rejected", shot);
    const finding = page.locator(".finding").first();
    assert.match(await finding.innerText(), /rebuild-mismatch[\s\S]*Found[\s\S]*"bash"[\s\S]*Do next/);
    const box = await page.locator(".finding .next").first().boundingBox();
    assert.ok(box.y < 850, "what to do next is on the first screen");
    await page.goto(`${world.url}tasks/${world.roots.rejected}`);
    assert.match(await page.locator("#trust").innerText(), /rejected/);
    await shot("task-rejected-after");
  });

  await browse("missing evidence", {}, async ({ page, shot }) => {
    await verifyByMouse(page, world.roots.undetermined, "undetermined", shot);
    assert.match(await page.locator(".finding").first().innerText(), /evidence-unavailable/);
  });

  await browse("a verification under way, and a set-up that cannot verify", {}, async ({ page, shot }) => {
    await page.goto(`${world.url}tasks/${world.held}`);
    await page.getByRole("button", { name: "Verify" }).click();
    assert.match(await heading(page), /^verifying/i);
    await shot("report-under-way");
    await page.goto(`${world.url}tasks/${world.running}`);
    await shot("task-running");
    await page.getByRole("button", { name: "Verify" }).click();
    await page.locator(".verdict.v-failed").waitFor();
    await shot("report-failed");
  });

  await browse("what is not there", {}, async ({ page, expect404, shot }) => {
    expect404(`/tasks/${world.unknown}`);
    const answer = await page.goto(`${world.url}tasks/${world.unknown}`);
    assert.equal(answer.status(), 404);
    assert.match(await heading(page), /^Not found/);
    await shot("not-found", false);
  });

  await browse("by keyboard alone", {}, async ({ page }) => {
    const press = async (key, until) => {
      for (let n = 0; n < 60; n += 1) {
        await page.keyboard.press(key);
        if (await page.evaluate(until)) return;
      }
      assert.fail(`${key} never leads there`);
    };
    await page.goto(world.url);
    await page.keyboard.press("/");
    await page.keyboard.type(world.roots.trusted);
    await Promise.all([page.waitForURL(`**/tasks/${world.roots.trusted}`), page.keyboard.press("Enter")]);
    await press("Tab", () => document.activeElement.textContent.startsWith("Verify"));
    const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(ring, "none", "the focus is visible");
    await Promise.all([page.waitForURL("**/report"), page.keyboard.press("Enter")]);
    await page.locator(".verdict.v-trusted").waitFor();
  });

  await browse("on a phone, in the dark", { viewport: { width: 375, height: 740 }, colorScheme: "dark" }, async ({ page, shot }) => {
    for (const [name, path] of [
      ["groups", ""], ["group", `groups/${world.held}`], ["task", `tasks/${world.hostile}`],
      ["report", `tasks/${world.roots.rejected}/report`], ["report-trusted", `tasks/${world.roots.trusted}/report`],
      ["log", `tasks/${world.hostile}/runs/0/text?name=public/logs/live_backing.log`],
    ]) {
      await page.goto(world.url + path);
      await fits(page, name);
      await shot(`phone-${name}`, name !== "log");
    }
  });

  await browse("without scripts", { javaScriptEnabled: false }, async ({ page }) => {
    await page.goto(`${world.url}tasks/${world.roots.undetermined}`);
    await page.getByRole("button", { name: "Verify again" }).click();
    await page.locator(".verdict.v-undetermined").waitFor();
  });
} finally {
  server.stdin.end();
  await close();
}
