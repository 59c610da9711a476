//! What goes over the dataflow's edges.

use super::carried::Message;
use wormsift::fleet::{Ask, Parcel, Piece, ShardResult, ShardTask};

/// From a tap to the merger.
pub(super) enum Up {
    Parcel(Box<Parcel>),
    Piece(Piece),
    /// It cannot go on, and why.
    Failed(String),
    /// It is dismissed. So many samples were asked for when their payload was gone; and what its
    /// host says of the reading.
    Left {
        tap: u16,
        asked_too_late: u64,
        account: Vec<u64>,
    },
}

/// From the merger to a tap.
pub(super) enum Down {
    Ask(Ask),
    /// It is to read no further.
    Stop,
    /// The merger is done.
    Dismissed,
}

const PARCEL: u8 = 0;
const PIECE: u8 = 1;
const FAILED: u8 = 2;
const LEFT: u8 = 3;
const ASK: u8 = 0;
const STOP: u8 = 1;
const DISMISSED: u8 = 2;

fn tagged(tag: u8, mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(tag);
    bytes
}

fn untagged(bytes: &[u8]) -> Result<(u8, &[u8]), String> {
    let (tag, rest) = bytes.split_last().ok_or("expected a message, found nothing")?;
    Ok((*tag, rest))
}

fn unknown(tag: u8) -> String {
    format!("expected another kind of message, found {tag}")
}

impl Message for Up {
    fn encode(&mut self) -> Vec<u8> {
        match self {
            Self::Parcel(parcel) => tagged(PARCEL, parcel.encode()),
            Self::Piece(piece) => tagged(PIECE, piece.encode()),
            Self::Failed(why) => tagged(FAILED, why.clone().into_bytes()),
            Self::Left { tap, asked_too_late, account } => {
                let numbers = [u64::from(*tap), *asked_too_late];
                let numbers = numbers.iter().chain(&*account);
                tagged(LEFT, numbers.flat_map(|it| it.to_le_bytes()).collect())
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (tag, rest) = untagged(bytes)?;
        match tag {
            PARCEL => Parcel::decode(rest)
                .map(|it| Self::Parcel(it.into()))
                .map_err(|why| why.to_string()),
            PIECE => Piece::decode(rest).map(Self::Piece).map_err(|why| why.to_string()),
            FAILED => Ok(Self::Failed(String::from_utf8_lossy(rest).into_owned())),
            LEFT => {
                let (numbers, []) = rest.as_chunks() else {
                    return Err("expected whole numbers, found a part of one".to_owned());
                };
                let numbers: Vec<u64> =
                    numbers.iter().map(|it| u64::from_le_bytes(*it)).collect();
                let [tap, asked_too_late, account @ ..] = &numbers[..] else {
                    return Err("expected two numbers, found fewer".to_owned());
                };
                let tap = u16::try_from(*tap).map_err(|_| format!("no tap: {tap}"))?;
                Ok(Self::Left {
                    tap,
                    asked_too_late: *asked_too_late,
                    account: account.to_vec(),
                })
            }
            tag => Err(unknown(tag)),
        }
    }
}

impl Message for Down {
    fn encode(&mut self) -> Vec<u8> {
        match self {
            Self::Ask(ask) => tagged(ASK, ask.encode()),
            Self::Stop => vec![STOP],
            Self::Dismissed => vec![DISMISSED],
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (tag, rest) = untagged(bytes)?;
        match tag {
            ASK => Ask::decode(rest).map(Self::Ask).map_err(|why| why.to_string()),
            STOP => Ok(Self::Stop),
            DISMISSED => Ok(Self::Dismissed),
            tag => Err(unknown(tag)),
        }
    }
}

impl Message for ShardTask {
    fn encode(&mut self) -> Vec<u8> {
        Self::encode(self)
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        Self::decode(bytes).map_err(|why| why.to_string())
    }
}

impl Message for ShardResult {
    fn encode(&mut self) -> Vec<u8> {
        Self::encode(self)
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        Self::decode(bytes).map_err(|why| why.to_string())
    }
}
