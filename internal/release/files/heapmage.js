#!/usr/bin/env node
// Starts the program for this system, which is in a package that npm chooses by "os" and "cpu".
// It becomes that program if Node can do so (process.execve), and else waits for it.
'use strict'

const { accessSync, chmodSync, constants } = require('node:fs')

const platforms = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'win32-arm64', 'win32-x64']
const platform = `${process.platform}-${process.arch}`
const args = process.argv.slice(2)

const program = find()
if (process.platform !== 'win32' && typeof process.execve === 'function') {
  process.execve(program, ['heapmage', ...args], process.env)
} else {
  start(require('node:child_process').spawn(program, args, { argv0: 'heapmage', stdio: 'inherit' }))
}

// find returns the path of the program.
function find() {
  if (!platforms.includes(platform)) {
    fail(`there is no program for ${platform}`, `it runs on ${platforms.join(', ')}; elsewhere Go compiles it: https://github.com/heapmage/heapmage`)
  }
  const path = resolve(platform)
  if (path === undefined) {
    const other = platforms.find(resolve)
    if (other !== undefined) {
      fail(`@heapmage/${platform} is not installed, but @heapmage/${other} is: the dependencies were installed on another system, or by a Node for another processor`, 'install them on this one')
    }
    fail(`@heapmage/${platform} is not installed: optional dependencies were left out, as by --omit=optional`, 'install with optional dependencies; for npm: npm install --include=optional')
  }
  try {
    accessSync(path, constants.X_OK)
  } catch {
    try { // archives of other programs may lose the mode
      chmodSync(path, 0o755)
      accessSync(path, constants.X_OK)
    } catch (err) {
      fail(`${path} cannot be executed: ${err.message}`, `chmod +x it, if its file system is not mounted with noexec`)
    }
  }
  return path
}

function resolve(name) {
  try {
    return require.resolve(`@heapmage/${name}/bin/heapmage${name.startsWith('win32') ? '.exe' : ''}`)
  } catch {
    return undefined
  }
}

// start waits for the program, and ends as it does.
function start(child) {
  const windows = process.platform === 'win32'
  const terminal = [0, 1, 2].some((fd) => require('node:tty').isatty(fd))
  let interrupted = false
  const pass = {
    SIGTERM: () => child.kill('SIGTERM'),
    SIGHUP: () => child.kill('SIGHUP'),
    SIGQUIT: () => child.kill('SIGQUIT'),
    // A second interrupt would end the program at once. A terminal sends the first one to both;
    // if there is none, it may have been sent to both, so the program gets what it takes once.
    SIGINT: () => {
      interrupted = true
      if (!terminal) child.kill('SIGTERM')
    },
  }
  for (const signal in pass) {
    process.on(signal, windows ? () => {} : pass[signal]) // a console of Windows tells both
  }
  child.on('error', (err) => fail(`${program} cannot be started: ${err.message}`, 'install the dependencies again'))
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exit(interrupted && code === 143 ? 130 : code)
    }
    for (const name in pass) process.removeAllListeners(name)
    process.kill(process.pid, signal)
    setInterval(() => {}, 1000) // the signal may come a moment later
  })
}

function fail(what, hint) {
  process.stderr.write(`heapmage: ${what}\n💡 ${hint}\n`)
  process.exit(2)
}
