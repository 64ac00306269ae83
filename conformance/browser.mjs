// SPDX-License-Identifier: MPL-2.0
// A browser for visits to pages of one origin: what a page writes to the console, or asks of another origin, is a failure.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** Returns `browse` and `close`. Screenshots go to the directory `shots`, if there is one. */
export async function browser(executablePath, origin, shots) {
  const profile = await mkdtemp(join(tmpdir(), "catena-page-"));
  if (shots) await mkdir(shots, { recursive: true });

  /** Runs `visit` in a fresh browser, and fails on whatever the page should not do. */
  async function browse(title, options, visit) {
    const context = await chromium.launchPersistentContext(join(profile, title.replace(/\W+/g, "-")), {
      executablePath, headless: true, args: FLAGS, viewport: { width: 1200, height: 850 }, ...options,
    });
    const wrong = [];
    context.on("request", (request) => {
      if (!request.url().startsWith(`${origin}/`)) wrong.push(`asked ${request.url()}`);
    });
    const page = context.pages()[0] ?? (await context.newPage());
    const expected = new Set();
    page.on("console", (message) => {
      if (!expected.has(message.location().url)) wrong.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
    page.on("dialog", (dialog) => { wrong.push(`dialog: ${dialog.message()}`); return dialog.dismiss(); });
    page.setDefaultTimeout(60_000);
    try {
      await visit({
        page,
        expect404: (path) => expected.add(origin + path),
        shot: (name, fullPage = true) => shots && page.screenshot({ path: join(shots, `${name}.png`), fullPage }),
      });
      assert.deepEqual(wrong, [], title);
      console.log(`ok  ${title}`);
    } finally {
      await context.close();
    }
  }

  return { browse, close: () => rm(profile, { recursive: true, force: true }) };
}
