#!/usr/bin/env node
// Runs the command line on the Node that the project brings, where the machine's own is too old for it. Written in
// old JavaScript, so that an old Node gets far enough to say so.
'use strict';
const { spawn } = require('node:child_process');
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

function isRecent() {
  const version = process.versions.node.split('.').map(Number);
  return version[0] > 22 || (version[0] === 22 && version[1] >= 18);
}

function handOver(node, entry) {
  if (!existsSync(node)) {
    process.stderr.write('scim-bridge needs Node 22.18 or later; npm ci brings one.\n');
    process.exit(70);
  }
  const child = spawn(node, [entry].concat(process.argv.slice(2)), { stdio: 'inherit' });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : code));
}

const entry = join(__dirname, '..', 'cli', 'main.ts');
if (isRecent()) void import(pathToFileURL(entry).href);
else handOver(join(__dirname, '..', 'node_modules', 'node', 'bin', 'node'), entry);
