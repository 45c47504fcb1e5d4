//! What Slack's own client would talk to: the JSON and WebSocket endpoints behind the page (`sim/page`).
//!
//! Loopback only: a request whose `Host` (or `Origin`) is not loopback is refused with 403. No token; `user` says who is looking.
//! Every `user` and `channel` may be an id or a name (`alice`, `#ops`). Bodies and answers are JSON.
//!
//! | request | answer |
//! |---|---|
//! | `GET /sim/bootstrap?user=` | `{ok, team:{id,name,domain}, me:User, users:[User], channels:[Channel], commands:[Command], app:App or null, home:View or null, views:[View]}` |
//! | `GET /sim/messages?channel=&user=[&thread_ts=]` | `{ok, channel:Channel, messages:[Message]}` oldest first, this user's ephemerals merged in by `ts`; without `thread_ts` no thread replies (except broadcasts). Marks the channel read |
//! | `GET /sim/live?user=` | WebSocket, see below |
//! | `POST /sim/say {user,channel,text,thread_ts?}` | `{ok, ts?, error?}`; a text starting with `/` runs the slash command instead |
//! | `POST /sim/action {user, container, action, state?}` | `{ok, error?}`; `container` is `{type:"message",channel,ts}` or `{type:"view",view_id}`; `action` is Slack's action object: at least `action_id` and `block_id`, and the choice (`value`, `selected_option`, `selected_options`, `selected_user`, `selected_date`, ...) |
//! | `POST /sim/view/submit {user,view_id,values}` | `{ok, errors?:{block_id:text}, error?}`; `values` is Slack's `state.values` |
//! | `POST /sim/view/close {user,view_id}` | `{ok}`; closes this view and those above it |
//! | `POST /sim/home {user}` | `{ok, error?}`; the user opened the app's Home tab, the `home` push brings the view |
//! | `POST /sim/suggest {user,action_id,block_id,value,container}` | `{ok, options?:[Option], option_groups?:[..], error?}` |
//! | `POST /sim/react {user,channel,ts,name,remove?}` | `{ok, error?}` |
//! | `GET /files/{id}` | the file's bytes; `slack_file: {id}` in an image block is shown from here |
//!
//! `error` is written for people, as Slack's client shows it (`"app did not respond in time"`).
//!
//! Pushes on the WebSocket, only those this user may see:
//! ```json
//! {"type":"message","channel":"C..","message":{}}
//! {"type":"changed","channel":"C..","message":{}}
//! {"type":"deleted","channel":"C..","ts":"..","thread_ts":null}
//! {"type":"ephemeral","channel":"C..","message":{}}
//! {"type":"ephemeral_deleted","channel":"C..","ts":".."}
//! {"type":"view","view":{},"stack":["V.."]}
//! {"type":"view_closed","view_ids":["V.."],"stack":[]}
//! {"type":"home","view":{}}
//! {"type":"channel","channel":{}}
//! {"type":"file","file":{}}
//! {"type":"app","app":{},"commands":[]}
//! ```
//! `changed` also tells of reactions, reply counts and replaced ephemerals (`message.is_ephemeral`). `stack` is the open modals,
//! lowest first; `view` is new or replaces the one with its id. A push with `{"type":"lagged"}` means: load everything again.
//!
//! Shapes (Slack's own, with the fields named here always present):
//! - User `{id, team_id, name, real_name, profile:{display_name, title, real_name, image_72}, is_bot, is_stranger, tz, color}`
//! - Channel `{id, name, is_channel, is_im, is_private, is_ext_shared, is_member, is_archived, topic:{value}, purpose:{value}, num_members,
//!   members:[id], user (the other one, for an im), unread}`
//! - Message `{type:"message", channel, ts, text, user, bot_id?, app_id?, bot_profile?, team, blocks?, attachments?, files?, thread_ts?,
//!   reply_count?, reply_users?, latest_reply?, edited?:{user,ts}, reactions?:[{name,count,users}], subtype?, is_ephemeral?}`
//! - Command `{command, description, usage_hint, completions:[text after the command]}`
//! - App `{id, name, bot_user_id, bot_id, delivery:"http"|"socket_mode"}`
//! - View: Slack's view object `{id, type:"modal"|"home", title, submit, close, blocks, callback_id, private_metadata, hash,
//!   state:{values}, root_view_id, previous_view_id, notify_on_close, clear_on_close, external_id, submit_disabled}`
