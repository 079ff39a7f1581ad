// A registry of npm in the folder that is given, for whoever asks on this machine. It prints its
// address, and ends when its standard input does.
import { runServer } from 'verdaccio'

const all = ['$all']
const server = await runServer({
  storage: process.argv[2],
  self_path: process.argv[2],
  auth: { htpasswd: { file: `${process.argv[2]}/htpasswd` } },
  packages: { '**': { access: all, publish: all, unpublish: all } },
  log: { type: 'stdout', format: 'json', level: 'fatal' },
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`))
process.stdin.on('end', () => process.exit()).resume()
