//! Stories: whole nodes on a network of values, told as what people do and see.
//!
//! The nodes are real services over real stores; network, clock and disk are simulated, so that every run can be
//! repeated from its seed. [`world`] holds the network and its faults, [`people`] the words the stories are told in.

mod ahead;
mod audiences;
mod befriend;
mod borrowed;
mod couriers;
mod crash;
mod deletions;
mod floods;
mod forge;
mod hides;
mod hostile;
mod hostile_mail;
mod introductions;
mod keyholders;
mod notices;
mod partings;
mod people;
mod photos;
mod pictures;
mod readers;
mod receipts;
mod scopeless;
mod secrecy;
mod sharing;
mod shown;
mod threads;
mod two_keys;
mod words;
mod world;
