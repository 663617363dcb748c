// Runs one of the servers that others wrote, and does what the test asks for: one JSON object a line in, one a line out.
//   node serve.js slack | discord | telegram
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'

const require = createRequire(import.meta.url)

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

// Its public interface registers no event subscriptions for Slack: it is the Web API here, and the test sends the events.
async function slack() {
  const { createEmulator } = await import('emulate')
  const seed = {
    tokens: { 'xoxb-bot': { login: 'calendar', scopes: ['chat:write', 'im:history', 'channels:history'] } },
    slack: {
      team: { name: 'Acme', domain: 'acme' },
      users: [{ name: 'ana', real_name: 'Ana', email: 'ana@example.com' }, { name: 'calendar', is_bot: true }],
      channels: [{ name: 'general' }],
      bots: [{ name: 'calendar' }],
    },
  }
  const emulator = await createEmulator({ service: 'slack', port: await freePort(), seed })
  return { hello: { url: emulator.url.replace('localhost', '127.0.0.1'), token: 'xoxb-bot' }, acts: {} }
}

async function discord() {
  const { DigitalDiscord } = await import('discord-digital-twin')
  const twin = new DigitalDiscord({
    channels: [{ name: 'general', type: 0 }],
    users: [{ username: 'Ana' }],
  })
  await twin.start()
  const [{ id: channelId }] = await twin.prisma.channel.findMany()
  const userId = await twin.getFirstNonBotUserId()
  return {
    hello: {
      url: twin.restUrl,
      gateway: twin.gatewayUrl,
      token: twin.botToken,
      bot: twin.botUserId,
      channel: channelId,
      user: userId,
    },
    acts: {
      say: ({ content }) => twin.simulateUserMessage({ channelId, userId, content }),
      shown: async () => (await twin.channel(channelId).getMessages()).filter((each) => each.author.id === twin.botUserId),
    },
  }
}

async function telegram() {
  const TelegramServer = require('telegram-test-api')
  const token = '123456789:abcdefghijklmnopqrstuvwxyzABCDEFGHI'
  const server = new TelegramServer({ port: await freePort(), host: '127.0.0.1', storage: 'RAM', storeTimeout: 600 })
  await server.start()
  const client = server.getClient(token, { userId: 7, chatId: 7, firstName: 'Ana', userName: 'ana', type: 'private' })
  return {
    hello: { url: server.config.apiURL, token },
    acts: {
      say: ({ text }) => client.sendMessage(client.makeMessage(text)),
      shown: async () => (await client.getUpdatesHistory()).filter((each) => each.message?.text && !each.message.from),
    },
  }
}

const [name, ...options] = process.argv.slice(2)
const { hello, acts } = await { slack, discord, telegram }[name](...options)
const answer = (value) => process.stdout.write(`${JSON.stringify(value ?? null)}\n`)
answer(hello)
for await (const line of createInterface({ input: process.stdin })) {
  const { act, ...given } = JSON.parse(line)
  answer(await acts[act](given))
}
process.exit(0)
