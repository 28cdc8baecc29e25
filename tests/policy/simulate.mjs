// Judges requests with an IAM policy engine: reads simulations as JSON from stdin, writes one verdict for each to stdout.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const verdicts = []
for (const simulation of JSON.parse(readFileSync(0, 'utf-8'))) {
  const found = await runSimulation(simulation, {})
  verdicts.push(
    found.resultType === 'single'
      ? { result: found.overallResult, ignored: found.result.ignoredContextKeys ?? [] }
      : { result: 'error', ignored: [], error: JSON.stringify(found.errors ?? found.resultType) }
  )
}
process.stdout.write(JSON.stringify(verdicts))
