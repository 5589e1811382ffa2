/**
 * The counts that `trials` independent events of the given probability stay between, but for one case
 * in a million on either side: the exact quantiles of the binomial distribution.
 */
export function binomialBounds(trials: number, probability: number): readonly [number, number] {
  if (probability === 0) return [0, 0];
  if (probability === 1) return [trials, trials];
  let logTerm = trials * Math.log1p(-probability);
  let cumulative = 0;
  let low = 0;
  for (let count = 0; count <= trials; count++) {
    cumulative += Math.exp(logTerm);
    if (cumulative < tail) low = count + 1;
    if (cumulative >= 1 - tail) return [low, count];
    logTerm += Math.log((trials - count) / (count + 1)) + Math.log(probability / (1 - probability));
  }
  return [low, trials];
}

const tail = 1e-6;
