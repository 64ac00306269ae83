#!/usr/bin/env node
// The published npm client (`taskcluster-client`) against a server; run by local.sh through server.py. The package is an
// ES module: under `require` its members are those of `.default`. NODE_PATH or the working directory leads to it.
'use strict';

const taskcluster = require('taskcluster-client').default;

const rootUrl = process.env.TASKCLUSTER_ROOT_URL;
const root = { clientId: process.env.TASKCLUSTER_CLIENT_ID, accessToken: process.env.TASKCLUSTER_ACCESS_TOKEN };
const worker = { workerGroup: 'group', workerId: 'node-1' };
let lines = 0, bad = 0;

const sorted = value => value && typeof value === 'object' && !Array.isArray(value)
  ? Object.fromEntries(Object.keys(value).sort().map(key => [key, sorted(value[key])])) : value;
function equal(what, found, expected) {
  lines += 1;
  if (JSON.stringify(sorted(found)) !== JSON.stringify(sorted(expected))) {
    bad += 1;
    console.log(`WRONG  ${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
  }
}
async function refused(what, status, code, call) {
  let found;
  try {
    found = await call();
  } catch (why) {
    equal(what, [why.statusCode, why.code], [status, code]);
    if (why.body) equal(`${what}: requestInfo`, Object.keys(why.body.requestInfo || {}).sort(), ['method', 'params', 'payload', 'time']);
    return;
  }
  equal(what, found, `${status} ${code}`);
}

const queue = (credentials = root, more = {}) => new taskcluster.Queue({ rootUrl, credentials, retries: 0, ...more });
const anonymous = () => new taskcluster.Queue({ rootUrl, retries: 0 });
// the client wants the method itself, of the same object
const url = (queue, method, ...args) => queue.buildUrl(queue[method], ...args);
const definition = (pool, changes = {}) => ({
  taskQueueId: pool, schedulerId: 'conformance',
  created: taskcluster.fromNowJSON(), deadline: taskcluster.fromNowJSON('1 hour'), expires: taskcluster.fromNowJSON('2 hours'),
  payload: {}, metadata: { name: 'task', description: 'ünïcode', owner: 'nobody@example.com', source: 'https://example.com/source' },
  ...changes,
});
const pool = () => `local/node-${Math.random().toString(36).slice(2)}`;

async function tasks() {
  equal('ping', (await anonymous().ping()).alive, true);
  const where = pool(), task = taskcluster.slugid(), asked = definition(where);
  const { status } = await queue().createTask(task, asked);
  equal('pending', status.state, 'pending');
  equal('the same again', (await queue().createTask(task, asked)).status, status);
  await refused('another definition', 409, 'RequestConflict', () => queue().createTask(task, { ...asked, payload: { other: 1 } }));
  equal('the definition', (await anonymous().task(task)).metadata, asked.metadata);
  await refused('unknown task', 404, 'ResourceNotFound', () => anonymous().status(taskcluster.slugid()));
  await refused('no metadata', 400, 'InputValidationError', () => queue().createTask(taskcluster.slugid(), { ...asked, metadata: undefined }));
  await refused('nobody', 403, 'InsufficientScopes', () => anonymous().createTask(taskcluster.slugid(), asked));
  await refused('a wrong token', 401, 'AuthenticationFailed', () => queue({ ...root, accessToken: 'wrong'.repeat(9) }).createTask(task, asked));
  await refused('narrowed', 403, 'InsufficientScopes', () => queue(root, { authorizedScopes: ['secrets:*'] }).createTask(task, asked));
  equal('narrowed to enough', (await queue(root, { authorizedScopes: ['queue:*'] }).createTask(task, asked)).status.state, 'pending');

  const { tasks: [work] } = await queue().claimWork(where, { ...worker, tasks: 1 });
  equal('claimed', [work.status.taskId, work.runId, work.task.payload], [task, 0, {}]);
  return [task, queue(work.credentials)];
}

async function artifacts(task, mine) {
  const expires = taskcluster.fromNowJSON('1 hour'), body = Buffer.from('bytes from node\n');
  const { putUrl } = await mine.createArtifact(task, 0, 'public/node.txt', { storageType: 's3', contentType: 'text/plain', expires });
  equal('upload', (await fetch(putUrl, { method: 'PUT', body, headers: { 'content-type': 'text/plain' } })).status, 200);
  for (const where of [url(anonymous(), 'getArtifact', task, 0, 'public/node.txt'), url(anonymous(), 'getLatestArtifact', task, 'public/node.txt')]) {
    equal(where, Buffer.from(await (await fetch(where)).arrayBuffer()).toString(), body.toString());
  }
  const large = Buffer.alloc(200_000, 'x');
  const { name, projectId, uploadId, credentials } = await mine.createArtifact(task, 0, 'private/object', { storageType: 'object', contentType: 'text/plain', expires });
  const { Readable } = require('node:stream');
  const object = new taskcluster.Object({ rootUrl, credentials, retries: 0 });
  await taskcluster.upload({ projectId, name, contentType: 'text/plain', contentLength: large.length, expires, uploadId, object, streamFactory: async () => Readable.from([large]) });
  await mine.finishArtifact(task, 0, 'private/object', { uploadId });
  const chunks = [], { Writable } = require('node:stream');
  const streamFactory = async () => new Writable({ write(chunk, _, next) { chunks.push(chunk); next(); } });
  await taskcluster.downloadArtifact({ taskId: task, runId: 0, name: 'private/object', queue: queue(), streamFactory });
  equal('the downloader', Buffer.concat(chunks).equals(large), true);
  const reader = queue();
  const signed = reader.buildSignedUrl(reader.getArtifact, task, 0, 'private/object');
  equal('a signed URL', (await (await fetch(signed)).text()).length, large.length);
  equal('without it', (await fetch(url(anonymous(), 'getArtifact', task, 0, 'private/object'))).status, 403);
  await mine.createArtifact(task, 0, 'public/error', { storageType: 'error', expires, reason: 'too-large-file-on-worker', message: 'too large' });
  equal('an error artifact', (await fetch(url(anonymous(), 'getLatestArtifact', task, 'public/error'))).status, 424);
  const page = await anonymous().listArtifacts(task, 0, { limit: 2 });
  const rest = await anonymous().listArtifacts(task, 0, { continuationToken: page.continuationToken });
  equal('pages', [page.artifacts, rest.artifacts].map(list => list.map(artifact => artifact.name)), [['private/object', 'public/error'], ['public/node.txt']]);
}

async function ends(task, mine) {
  const again = await mine.reclaimTask(task, 0);
  equal('reclaimed', again.status.runs[0].state, 'running');
  equal('completed', (await queue(again.credentials).reportCompleted(task, 0)).status.state, 'completed');
  await refused('failed after that', 409, 'RequestConflict', () => mine.reportFailed(task, 0));
  const { tasks } = await anonymous().listTaskGroup(task);
  equal('its group', tasks.map(({ status }) => [status.taskId, status.state]), [[task, 'completed']]);
}

async function credentials() {
  const make = (scopes, more = {}) => taskcluster.createTemporaryCredentials({ scopes, start: new Date(Date.now() - 60000), expiry: new Date(Date.now() + 600000), credentials: root, ...more });
  const create = made => queue(made).createTask(taskcluster.slugid(), definition('local/node'));
  equal('a star', (await create(make(['queue:*']))).status.state, 'pending');
  equal('named', (await create(make(['queue:*'], { clientId: 'conformance/node' }))).status.state, 'pending');
  await refused('a missing scope', 403, 'InsufficientScopes', () => create(make(['queue:create-task:lowest:local/node'])));
  await refused('over', 401, 'AuthenticationFailed', () => create(make(['queue:*'], { start: new Date(Date.now() - 7200000), expiry: new Date(Date.now() - 3600000) })));
  const auth = new taskcluster.Auth({ rootUrl, credentials: make(['a:b', 'c*']), retries: 0 });
  equal('current scopes', (await auth.currentScopes()).scopes.filter(scope => ['a:b', 'c*'].includes(scope)).sort(), ['a:b', 'c*']);
  const secrets = new taskcluster.Secrets({ rootUrl, credentials: root, retries: 0 });
  await secrets.set('project/node', { secret: { key: 'ü' }, expires: taskcluster.fromNowJSON('1 hour') });
  equal('a secret', (await secrets.get('project/node')).secret, { key: 'ü' });
  const index = new taskcluster.Index({ rootUrl, credentials: root, retries: 0 });
  const task = taskcluster.slugid();
  await index.insertTask('node.latest', { taskId: task, rank: 0, data: {}, expires: taskcluster.fromNowJSON('1 hour') });
  equal('the index', (await index.findTask('node.latest')).taskId, task);
}

(async () => {
  const [task, mine] = await tasks();
  await artifacts(task, mine);
  await ends(task, mine);
  await credentials();
})().catch(why => {
  bad += 1;
  console.log('WRONG  broke off:', why.stack, why.body || '');
}).finally(() => {
  console.log(JSON.stringify({ part: 'npm client', checks: lines, unexpected: bad }));
  process.exit(bad || !lines ? 1 : 0);
});
