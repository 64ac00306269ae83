// SPDX-License-Identifier: MPL-2.0
// A browser watches the demo of `catena local up`: from the pushed repository's group to the trusted chain of its signing task.
// Run by page.sh.
//
//   node page_demo.mjs CHROMIUM CATENA [DIRECTORY FOR SCREENSHOTS]

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { browser } from "./browser.mjs";

const [executablePath, catena, shots] = process.argv.slice(2);
const server = spawn(catena, ["local", "up", "--ephemeral", "--demo", "--with-workers"], { stdio: ["ignore", "pipe", "inherit"] });
const ended = once(server, "exit");

/** What is printed until the server is ready. */
async function greeting() {
  const lines = [];
  for await (const line of createInterface({ input: server.stdout })) {
    lines.push(line);
    if (line.startsWith("# ready")) break;
  }
  const found = (pattern) => lines.map((line) => line.match(pattern)?.[1]).find(Boolean) ?? assert.fail(`no ${pattern} in ${lines}`);
  return { url: found(/in a browser: (\S+)/), decision: found(/decision task (\S+)/) };
}

try {
  const { url, decision } = await greeting();
  const origin = new URL(url).origin;
  const { browse, close } = await browser(executablePath, origin, shots);
  try {
    await browse("the demo, from its group to a trusted chain", {}, async ({ page, shot }) => {
      await page.goto(url);
      await page.locator(`a[href='/groups/${decision}']`).first().click();
      // the page loads itself again while something is under way
      const signing = page.getByRole("row").filter({ hasText: /signing/i }).filter({ hasText: /completed/i });
      await signing.first().waitFor({ timeout: 120_000 });
      await shot("demo-group");
      await signing.first().getByRole("link").first().click();
      await page.getByRole("link", { name: "public/logs/live_backing.log as text" }).click();
      assert.match(await page.locator("body").innerText(), /signing cot/);
      await page.goBack();
      await page.getByRole("button", { name: "Verify" }).click();
      await page.locator(".verdict.v-trusted").waitFor();
      assert.equal(await page.locator(".finding").count(), 0);
      assert.ok((await page.locator(".chain tbody tr").count()) > 3);
      await shot("demo-report");
    });
  } finally {
    await close();
  }
} finally {
  server.kill("SIGTERM");
}
assert.deepEqual(await ended, [0, null], "an orderly end");
