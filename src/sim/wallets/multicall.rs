//! Multicall3's `aggregate3`, as far as balances need it: calls of `getEthBalance` unpacked and their answers packed.
//! Sources: <https://github.com/mds1/multicall3>; the ABI's encoding, docs.soliditylang.org/en/latest/abi-spec.html.

/// Where the contract lives on every chain that has it.
pub(super) const ADDRESS: &str = "0xca11bde05977b3631167028862be2a173976ca11";

/// `aggregate3((address,bool,bytes)[])`
const AGGREGATE3: [u8; 4] = [0x82, 0xad, 0x56, 0xcb];
/// `getEthBalance(address)`
const GET_ETH_BALANCE: [u8; 4] = [0x4d, 0x23, 0x01, 0xcc];

const WORD: usize = 32;

/// The answer to `data`, with `holds` telling what an address has; `None` when it is no call of `aggregate3`.
pub(super) fn aggregate3(data: &[u8], holds: impl Fn(&str) -> u128) -> Option<Vec<u8>> {
    let arguments = data.strip_prefix(&AGGREGATE3)?;
    let list = arguments.get(number(arguments, 0)?..)?;
    let length = number(list, 0)?;
    let calls = list.get(WORD..)?;
    let results: Option<Vec<Vec<u8>>> = (0..length.min(10_000)).map(|nth| result(calls, nth, &holds)).collect();
    let results = results?;
    let mut out = [word(WORD as u128), word(length as u128)].concat();
    let mut offset = results.len() * WORD;
    for result in &results {
        out.extend(word(offset as u128));
        offset += result.len();
    }
    out.extend(results.concat());
    Some(out)
}

/// One `(bool success, bytes returnData)`.
fn result(calls: &[u8], nth: usize, holds: &impl Fn(&str) -> u128) -> Option<Vec<u8>> {
    let call = calls.get(number(calls, nth)?..)?;
    let bytes = call.get(number(call, 2)?..)?;
    let data = bytes.get(WORD..WORD + number(bytes, 0)?)?;
    let owner = data.strip_prefix(&GET_ETH_BALANCE).and_then(|argument| argument.get(12..WORD));
    Some(match owner {
        Some(owner) => {
            let units = holds(&format!("0x{}", hex::encode(owner)));
            [word(1), word(2 * WORD as u128), word(WORD as u128), word(units)].concat()
        }
        None => [word(0), word(2 * WORD as u128), word(0)].concat(),
    })
}

/// The `nth` word, as a length or an offset.
fn number(data: &[u8], nth: usize) -> Option<usize> {
    let word = data.get(nth * WORD..(nth + 1) * WORD)?;
    let (high, low) = word.split_at(WORD - 8);
    let low = u64::from_be_bytes(low.try_into().ok()?);
    high.iter().all(|byte| *byte == 0).then(|| usize::try_from(low).ok())?
}

fn word(number: u128) -> Vec<u8> {
    [[0; 16], number.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_aggregate_gets_no_answer_and_nothing_panics() {
        assert_eq!(aggregate3(&[], |_| 1), None);
        for length in 0..200 {
            let mut data = AGGREGATE3.to_vec();
            data.extend(vec![0xff; length]);
            assert_eq!(aggregate3(&data, |_| 1), None);
        }
        let none = [AGGREGATE3.to_vec(), word(32), word(0)].concat();
        assert_eq!(aggregate3(&none, |_| 1), Some([word(32), word(0)].concat()));
    }
}
