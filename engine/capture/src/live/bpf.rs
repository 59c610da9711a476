//! BPF programs that filter in the kernel.
//!
//! A classic BPF program, as `tcpdump -ddd EXPRESSION` prints it: first the number of
//! instructions, then one a line, four decimal numbers: code, jump if true, jump if
//! false, operand. So filters need no libpcap here. The kernel checks jumps and codes once
//! more when the program is attached.

use std::fmt;

/// The longest program that the kernel takes (`BPF_MAXINSNS`).
const MOST_INSTRUCTIONS: usize = 4_096;
/// `ret #k`: let the first k bytes through, none for 0.
const RETURN_CONSTANT: u16 = 0x06;
/// `ret a`: the same of the accumulator.
const RETURN_ACCUMULATOR: u16 = 0x16;
/// The class of jumps; as a whole code, the jump without condition.
const JUMP: u16 = 0x05;

/// A filter that the kernel runs on each frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BpfProgram(Vec<Instruction>);

/// One instruction, as the kernel wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) code: u16,
    pub(super) if_true: u8,
    pub(super) if_false: u8,
    pub(super) operand: u32,
}

/// What is wrong with the text of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BpfError {
    /// The line, from 1 on.
    pub line: usize,
    /// What was expected there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl fmt::Display for BpfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, expected, found } = self;
        write!(f, "line {line}: expected {expected}, found {found}")
    }
}

impl std::error::Error for BpfError {}

impl BpfProgram {
    /// Reads what `tcpdump -ddd` printed.
    ///
    /// ```
    /// use wormsift_capture::live::BpfProgram;
    ///
    /// // tcpdump -ddd ip
    /// let text = "4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0\n";
    /// assert!(BpfProgram::from_ddd(text).is_ok());
    /// let error = BpfProgram::from_ddd("2\n6 0 0 1\n").unwrap_err();
    /// assert_eq!(error.to_string(), "line 3: expected instruction 2 of 2, found the end");
    /// ```
    ///
    /// # Errors
    ///
    /// The first line that is not as `tcpdump` would print it, or a jump that leaves the
    /// program, or an end that does not return.
    pub fn from_ddd(text: &str) -> Result<Self, BpfError> {
        let wrong = |line: usize, expected: &str, found: &str| BpfError {
            line,
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        let mut lines = text.lines().zip(1_usize..);
        let first = lines.next().map_or("", |(line, _)| line);
        let count = number::<u16>(first).map(usize::from);
        let count = count.filter(|count| (1..=MOST_INSTRUCTIONS).contains(count));
        let Some(count) = count else {
            let expected =
                format!("a number of instructions from 1 to {MOST_INSTRUCTIONS}");
            return Err(wrong(1, &expected, &quoted(first)));
        };
        let mut program = Vec::with_capacity(count);
        for (line, number) in lines {
            if program.len() == count {
                if line.trim().is_empty() {
                    continue;
                }
                let expected = format!("no more than {count} instructions");
                return Err(wrong(number, &expected, &quoted(line)));
            }
            let instruction = instruction(line).ok_or_else(|| {
                wrong(number, "code, two jumps and an operand", &quoted(line))
            })?;
            if !instruction.stays_inside(count - program.len() - 1) {
                let found = &quoted(line);
                return Err(wrong(number, "jumps that stay inside the program", found));
            }
            program.push(instruction);
        }
        if program.len() < count {
            let expected = format!("instruction {} of {count}", program.len() + 1);
            return Err(wrong(program.len() + 2, &expected, "the end"));
        }
        let last = program[count - 1];
        if ![RETURN_CONSTANT, RETURN_ACCUMULATOR].contains(&last.code) {
            let expected = "a last instruction that returns (code 6 or 22)";
            return Err(wrong(count + 1, expected, &format!("code {}", last.code)));
        }
        Ok(Self(program))
    }

    /// Lets everything through, up to `snaplen` bytes of it; nothing for 0.
    pub(super) fn everything(snaplen: u32) -> Self {
        let code = RETURN_CONSTANT;
        Self(vec![Instruction { code, if_true: 0, if_false: 0, operand: snaplen }])
    }

    /// The same with at most `snaplen` bytes of each frame.
    pub(super) fn cut(&self, snaplen: u32) -> Self {
        let cut = |mut instruction: Instruction| {
            if instruction.code == RETURN_CONSTANT {
                instruction.operand = instruction.operand.min(snaplen);
            }
            instruction
        };
        Self(self.0.iter().copied().map(cut).collect())
    }

    pub(super) fn instructions(&self) -> &[Instruction] {
        &self.0
    }
}

impl Instruction {
    /// Whether it goes on to one of the `left` instructions after it, or returns.
    fn stays_inside(self, left: usize) -> bool {
        if self.code == JUMP {
            (self.operand as usize) < left
        } else if self.code & 0x07 == JUMP {
            usize::from(self.if_true.max(self.if_false)) < left
        } else {
            true
        }
    }
}

fn instruction(line: &str) -> Option<Instruction> {
    let mut words = line.split_ascii_whitespace();
    let instruction = Instruction {
        code: number(words.next()?)?,
        if_true: number(words.next()?)?,
        if_false: number(words.next()?)?,
        operand: number(words.next()?)?,
    };
    words.next().is_none().then_some(instruction)
}

/// Decimal digits and nothing else: no sign, as `parse` would take one.
fn number<T: std::str::FromStr>(word: &str) -> Option<T> {
    let word = word.trim();
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| word.parse().ok()).flatten()
}

/// A line of a file that may hold anything, for a message of one line.
fn quoted(line: &str) -> String {
    let start: String = line.chars().take(60).collect();
    format!("`{}`", start.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `tcpdump -ddd -y EN10MB 'udp port 53'`, libpcap 1.10.3.
    const UDP_53: &str = "20\n40 0 0 12\n21 0 6 34525\n48 0 0 20\n21 0 15 17\n\
        40 0 0 54\n21 12 0 53\n40 0 0 56\n21 10 11 53\n21 0 10 2048\n48 0 0 23\n\
        21 0 8 17\n40 0 0 20\n69 6 0 8191\n177 0 0 14\n72 0 0 14\n21 2 0 53\n\
        72 0 0 16\n21 0 1 53\n6 0 0 262144\n6 0 0 0\n";

    #[test]
    fn what_tcpdump_prints_is_read() {
        let program = BpfProgram::from_ddd(UDP_53).unwrap();
        assert_eq!(program.instructions().len(), 20);
        let last = program.cut(96).instructions()[18];
        assert_eq!((last.code, last.operand), (6, 96));
        assert_eq!(program.cut(96).instructions()[19].operand, 0);
    }

    #[test]
    fn what_it_would_not_print_is_refused_with_its_line() {
        for (text, line) in [
            ("", 1),
            ("0\n", 1),
            ("4097\n", 1),
            ("+1\n6 0 0 1\n", 1),
            ("(000) ret #262144\n", 1),
            ("1\n6 0 0\n", 2),
            ("1\n6 0 0 1 1\n", 2),
            ("1\n6 0 0 -1\n", 2),
            ("1\n6 256 0 1\n", 2),
            ("1\n6 0 0 4294967296\n", 2),
            ("2\n6 0 0 1\n", 3),
            ("1\n6 0 0 1\n6 0 0 1\n", 3),
            ("2\n21 0 1 1\n6 0 0 1\n", 2),
            ("2\n5 0 0 1\n6 0 0 1\n", 2),
            ("1\n40 0 0 12\n", 2),
        ] {
            assert_eq!(BpfProgram::from_ddd(text).unwrap_err().line, line, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9 \n+a-]{0,80}") {
            let _ = BpfProgram::from_ddd(&text);
        }

        #[test]
        fn what_is_printed_is_read_back(
            body in proptest::collection::vec((0_u16..5, any::<u32>()), 0..20)
        ) {
            let mut text = format!("{}\n", body.len() + 1);
            for (code, operand) in &body {
                text += &format!("{code} 0 0 {operand}\n");
            }
            text += "6 0 0 65535\n";
            let read = BpfProgram::from_ddd(&text).unwrap();
            let operands: Vec<u32> =
                read.instructions().iter().map(|one| one.operand).collect();
            let expected: Vec<u32> =
                body.iter().map(|(_, operand)| *operand).chain([65_535]).collect();
            prop_assert_eq!(operands, expected);
        }
    }
}
