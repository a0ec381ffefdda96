'use strict';

const { spawn } = require('child_process');

// startRedis runs a Redis in the current folder, which only this user reaches and
// which ends with this process, however that ends.
function startRedis() {
  return spawn('setpriv', ['--pdeathsig', 'KILL', 'redis-server',
    '--port', '0', '--unixsocket', './redis.sock', '--unixsocketperm', '700',
    '--appendonly', 'yes', '--appendfsync', process.env.APPENDFSYNC || 'everysec', '--save', ''],
  { stdio: 'ignore', detached: true }); // detached: Ctrl-C is for the others, and they stop it
}

module.exports = { startRedis };
