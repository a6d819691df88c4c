#include <stdio.h>

#include "admin/openapi.h"
#include "store/json.h"

/* What does not come from the settings' tables. */
static const struct {
    const char *name, *text;
} fixed[] = {
    { "Problem", "{'type':'object','required':['type','title','status','detail','code'],'properties':{"
                 "'type':{'type':'string'},'title':{'type':'string'},'status':{'type':'integer'},"
                 "'detail':{'type':'string'},'code':{'enum':['invalid','exists','not-found','stale','away','memory',"
                 "'unauthenticated','forbidden','too-many','bad-request','too-large','method']},"
                 "'setting':{'type':'string'},'index':{'type':'integer'}}}" },
    { "Status", "{'type':'object','properties':{'checks':{'type':'object','description':'the last verdicts on all that "
                "is ours; missing before the first','properties':{'dns':{'$ref':'#/components/schemas/Verdict'},"
                "'all':{'$ref':'#/components/schemas/Verdict'}}}}}" },
    { "Verdict", "{'type':'object','required':['works','verdict','failed','warnings','at','check'],'properties':{"
                 "'works':{'type':'boolean'},'verdict':{'type':'string'},'failed':{'type':'integer'},"
                 "'warnings':{'type':'integer'},'at':{'type':'string','format':'date-time'},'check':{'type':'integer',"
                 "'description':'what it found is at /v1/checks/ID, as long as it is the last'}}}" },
    { "History", "{'type':'object','required':['now','step-s'],'properties':{'now':{'type':'integer','description':"
                 "'seconds since 1970'},'step-s':{'type':'integer'},'to-xmpp':{'$ref':'#/components/schemas/Counts'},"
                 "'to-sip':{'$ref':'#/components/schemas/Counts'},'failed':{'$ref':'#/components/schemas/Counts'},"
                 "'streams':{'$ref':'#/components/schemas/Counts'}}}" },
    { "Counts",
      "{'type':'array','items':{'type':'integer'},'description':'oldest first; the last has not ended yet'}" },
    { "Streams", "{'type':'object','required':['items','total'],'properties':{'items':{'type':'array','items':{"
                 "'$ref':'#/components/schemas/Stream'}},'total':{'type':'integer'}}}" },
    { "Steps",
      "{'type':'array','items':{'type':'object','properties':{'ms':{'type':'integer','description':"
      "'since it began'},'step':{'enum':['dns','connect','stream','tls','certificate','proof','ready','inbound',"
      "'ping','end','resolve','options','speaker','dial','link','settings']},'result':{'enum':['ok','failed','note']},'"
      "text':{'type':'string'}}}"
      "}" },
    { "Stream",
      "{'type':'object','required':['id'],'properties':{'id':{'type':'integer'},"
      "'proxy':{'type':'string','description':'that has it; missing without proxies'},'direction':{'enum':['in','"
      "out','both']},'authenticated':{'type':'boolean'},'local':{'type':'string'},'remote':{'type':'string'},"
      "'partner':{'type':'string'},'address':{'type':'string'},'state':{'enum':['connecting','negotiating',"
      "'ready','closing']},'tls':{'type':'string'},'cipher':{'type':'string'},'method':{'type':'string'},"
      "'age-s':{'type':'integer'},'idle-s':{'type':'integer'},'stanzas-in':{'type':'integer'},"
      "'stanzas-out':{'type':'integer'},'awaits':{'type':'string'},'stream-management':{'type':'boolean'},"
      "'shown':{'type':['object','null'],'description':'the certificate that the peer showed','properties':{"
      "'subject':{'type':'string'},'issuer':{'type':'string'},'until':{'type':'string'},"
      "'names':{'type':'array','items':{'type':'string'}}}},"
      "'pairs':{'type':'array','items':{'type':'object','properties':{'local':{'type':'string'},"
      "'remote':{'type':'string'},'method':{'type':'string'}}}},'certificate':{'type':'string'},"
      "'pin':{'type':'string'},'steps':{'$ref':'#/components/schemas/Steps'}}}" },
    { "PartnerStatus",
      "{'type':'object','properties':{'name':{'type':'string'},'streams':{'type':'array','items':{"
      "'$ref':'#/components/schemas/Stream'}},'failed':{'type':'array','items':{'type':'object',"
      "'properties':{'direction':{'enum':['in','out']},'local':{'type':'string'},'remote':{'type':'string'},"
      "'address':{'type':'string'},'age-s':{'type':'integer'},'fault':{'type':'string'},"
      "'why':{'type':'string'},'steps':{'$ref':'#/components/schemas/Steps'}}}}}}" },
    { "NewTest", "{'type':'object','additionalProperties':false,'properties':{'from':{'type':'string','description':"
                 "'a domain of ours; without it the first one'}}}" },
    { "TestBegun", "{'type':'object','required':['id'],'properties':{'id':{'type':'integer'},'from':{'type':'string'},"
                   "'to':{'type':'string'}}}" },
    { "Test",
      "{'type':'object','required':['id','done'],'properties':{'id':{'type':'integer'},'from':{'type':'string'},"
      "'to':{'type':'string'},'done':{'type':'boolean'},'works':{'type':'boolean'},'fault':{'type':'string'},"
      "'verdict':{'type':'string'},'took-ms':{'type':'integer'},"
      "'steps':{'$ref':'#/components/schemas/Steps'}}}" },
    { "RouteStatus",
      "{'type':'object','required':['name','hops'],'properties':{'name':{'type':'string'},'note':{'type':['string','"
      "null']},"
      "'hops':{'type':'array','items':{'type':'object','properties':{'hop':{'type':'string'},'name':{'type':'string'},"
      "'transport':{'enum':['udp','tcp','tls']},'state':{'enum':['up','down','unknown']},"
      "'since-s':{'type':['integer','null']},'checked-s':{'type':['integer','null'],'description':"
      "'seconds since the last answer or failure'},'answer-ms':{'type':'integer'},'left-alone-s':{'type':'integer'},"
      "'why':{'type':'string'}}}}}}" },
    { "NewRouteTest", "{'type':'object','additionalProperties':false,'properties':{}}" },
    { "RouteTestBegun", "{'type':'object','required':['id'],'properties':{'id':{'type':'integer'}}}" },
    { "RouteTest",
      "{'type':'object','required':['id','done'],'properties':{'id':{'type':'integer'},'route':{'type':'string'},"
      "'domain':{'type':'string'},'done':{'type':'boolean'},'works':{'type':'boolean'},'fault':{'type':'string'},"
      "'verdict':{'type':'string'},'took-ms':{'type':'integer'},'steps':{'$ref':'#/components/schemas/Steps'}}}" },
    { "Link",
      "{'type':'object','required':['role','pin'],'properties':{'role':{'enum':['all','gateway']},"
      "'pin':{'type':['string','null'],'description':'of the key of this gateway, for link-pins of its proxies; "
      "null: it has no links'}}}" },
    { "ProxyStatus",
      "{'type':'object','required':['name','address','priority','state','sends','why'],'properties':{"
      "'name':{'type':'string'},'address':{'type':'string'},'priority':{'type':'integer'},"
      "'state':{'enum':['off','down','dialling','learning','ready','silent']},'sends':{'type':'boolean','description':"
      "'what begins now goes out by it'},'why':{'type':'string','description':'what is wrong, and what helps'},"
      "'host':{'type':'string'},'since-s':{'type':['integer','null']},'answered-ms':{'type':['integer','null'],"
      "'description':'milliseconds since it was heard of last'},'dials-in-s':{'type':['integer','null']},"
      "'links':{'type':'integer','description':'how often it was linked'},'streams':{'type':'integer'},"
      "'stanzas-in':{'type':'integer'},'stanzas-out':{'type':'integer'},'under-way':{'type':'integer','description':"
      "'stanzas that it has and that have no outcome yet'},'waiting':{'type':'integer','description':"
      "'stanzas that wait inside, for any proxy'},'version':{'type':['string','null'],'description':'of its program'},"
      "'round-trip-ms':{'type':['integer','null'],'description':'of its last question, there and back'},"
      "'credit':{'$ref':'#/components/schemas/ProxyCredit'},'partners':{'type':'array','description':"
      "'of whom something is on its way, at most 100','items':{'allOf':[{'$ref':'#/components/schemas/ProxyCredit'},"
      "{'type':'object','required':['partner'],'properties':{'partner':{'type':'string'}}}]}}}}" },
    { "ProxyCredit",
      "{'type':'object','required':['out','out-bytes','in','in-bytes'],'description':'stanzas and bytes of one "
      "partner, "
      "toward it and from it: what may be on its way by a proxy, or is','properties':{'out':{'type':'integer'},"
      "'out-bytes':{'type':'integer'},'in':{'type':'integer'},'in-bytes':{'type':'integer'}}}" },
    { "NewProxyTest", "{'type':'object','additionalProperties':false,'properties':{}}" },
    { "ProxyTestBegun", "{'type':'object','required':['id'],'properties':{'id':{'type':'integer'}}}" },
    { "ProxyTest",
      "{'type':'object','required':['id','done'],'properties':{'id':{'type':'integer'},'proxy':{'type':'string'},"
      "'done':{'type':'boolean'},'works':{'type':'boolean'},'fault':{'enum':['none','link','settings']},"
      "'verdict':{'type':'string'},'took-ms':{'type':'integer'},'steps':{'$ref':'#/components/schemas/Steps'}}}" },
    { "Conversations",
      "{'type':'object','required':['items'],'properties':{'items':{'type':'array','items':{'type':'object',"
      "'properties':{'id':{'type':'string'},'sip':{'type':'string'},'xmpp':{'type':'string'},"
      "'partner':{'type':'string'},'idle-s':{'type':'integer'},'sip-to-xmpp':{'type':'integer'},"
      "'xmpp-to-sip':{'type':'integer'},'last-to-xmpp':{'type':'string'},'last-to-sip':{'type':'string'},"
      "'bounced-late':{'type':'integer'}}}},'next':{'type':['integer','null'],'description':"
      "'before of the next page'}}}" },
    { "ConversationWay",
      "{'type':'object','properties':{'messages':{'type':'integer'},'delivered':{'type':'integer'},"
      "'failed':{'type':'integer'},'last-came':{'type':['string','null']},'last-ended':{'type':['string','null']},"
      "'outcome':{'enum':['','delivered','unconfirmed','refused','timed-out','unknown','empty']},"
      "'status':{'type':'integer'},'condition':{'type':'string'},'why':{'type':'string'}}}" },
    { "Conversation",
      "{'type':'object','required':['id'],'properties':{'id':{'type':'string'},'sip':{'type':'string'},"
      "'xmpp':{'type':'string'},'partner':{'type':'string'},'route':{'type':'string'},'mode':{'enum':['pager','session'"
      "]},"
      "'since':{'type':'string'},'active':{'type':'string'},"
      "'sip-to-xmpp':{'$ref':'#/components/schemas/ConversationWay'},"
      "'xmpp-to-sip':{'$ref':'#/components/schemas/ConversationWay'},'bounced-late':{'type':'object','properties':{"
      "'messages':{'type':'integer'},'last':{'type':['string','null']},'condition':{'type':'string'}}}}}" },
    { "Queue", "{'type':'object','required':['items'],'properties':{'items':{'type':'array','items':{'type':'object',"
               "'properties':{'way':{'enum':['to-sip','to-xmpp']},'from':{'type':'string'},'to':{'type':'string'},"
               "'partner':{'type':'string'},'messages':{'type':'integer'},'written':{'type':'integer'},"
               "'bytes':{'type':'integer'},'waited-s':{'type':'number'},'waits-for':{'type':'string'},"
               "'for-s':{'type':['number','null']},'then':{'type':'string'},'then-s':{'type':['number','null']},"
               "'stream':{'type':'integer'}}}},'left-out':{'type':'integer'}}}" },
    { "SubscriptionItem",
      "{'type':'object','required':['watcher','watched','state'],'properties':{'watcher':{'type':'string'},"
      "'watched':{'type':'string'},'state':{'enum':['pending','active','ending','polls','none','asking','idle','retry']"
      "},"
      "'expires-s':{'type':['integer','null']},'notices':{'type':['integer','null']},"
      "'last-notice-s':{'type':['integer','null']},'again-s':{'type':['integer','null'],'description':"
      "'until the next SUBSCRIBE of ours'},'call-id':{'type':'string'},'target':{'type':'string'},"
      "'partner':{'type':'string'}}}" },
    { "Subscriptions", "{'type':'object','required':['items'],'properties':{'items':{'type':'array','items':{"
                       "'$ref':'#/components/schemas/SubscriptionItem'}},'next':{'type':['integer','null']},"
                       "'left-out':{'type':'integer'}}}" },
    { "Subscription",
      "{'type':'object','required':['subscriptions','presence'],'properties':{'subscriptions':{'type':'array','items':{"
      "'$ref':'#/components/schemas/SubscriptionItem'}},'presence':{'type':'array','items':{'type':'object',"
      "'properties':{'of':{'type':'string'},'resource':{'type':'string'},'state':{'enum':['available','chat','away',"
      "'xa','dnd','unavailable']},'note':{'type':['string','null']}}}}}}" },
    { "SubscriptionRefresh", "{'type':'object','additionalProperties':false,'required':['sip','xmpp'],'properties':{"
                             "'sip':{'type':'string'},'xmpp':{'type':'string'}}}" },
    { "SubscriptionsRefreshed",
      "{'type':'object','required':['refreshed'],'properties':{'refreshed':{'type':'integer'}}}" },
    { "Contact",
      "{'type':'object','required':['sip','xmpp'],'properties':{'sip':{'type':'string'},'xmpp':{'type':'string'},"
      "'partner':{'type':'string'},'subscription':{'enum':['none','to','from','both'],'description':"
      "'as the server of the SIP user sees it'},'sip-watches':{'enum':['no','asked','granted','denied']},"
      "'sip-since':{'type':'string'},'xmpp-watches':{'enum':['no','asked','granted']},"
      "'xmpp-since':{'type':'string'},'added':{'type':'boolean'},'stored':{'type':'boolean'}}}" },
    { "Contacts", "{'type':'object','required':['items'],'properties':{'items':{'type':'array','items':{"
                  "'$ref':'#/components/schemas/Contact'}},'next':{'type':['integer','null'],'description':"
                  "'after of the next page'},'left-out':{'type':'integer'},'total':{'type':'integer','description':"
                  "'with search, sort or offset: how many fit'}}}" },
    { "NewContacts",
      "{'type':'object','additionalProperties':false,'required':['contacts'],'properties':{'contacts':{"
      "'type':'array','maxItems':1000,'items':{'type':'object','required':['sip','xmpp'],'properties':{"
      "'sip':{'type':'string'},'xmpp':{'type':'string'},'sip-watches':{'enum':['no','asked','granted','denied']},"
      "'xmpp-watches':{'enum':['no','asked','granted']},'added':{'type':'boolean'}}}}}}" },
    { "ContactsPurge",
      "{'type':'object','additionalProperties':false,'properties':{'user':{'type':'string'},'domain':{"
      "'type':'string','description':'a SIP domain, or any domain of a partner: then of all of his'}}}" },
    { "ContactsChanged", "{'type':'object','required':['contacts'],'properties':{'contacts':{'type':'integer'}}}" },
    { "NewTrace",
      "{'type':'object','additionalProperties':false,'properties':{'users':{'type':'array','maxItems':16,'items':{"
      "'type':'string'}},'partners':{'type':'array','maxItems':16,'items':{'type':'string'}},"
      "'bodies':{'type':'boolean'},'seconds':{'type':'integer','minimum':1,'maximum':86400,'default':600}}}" },
    { "TraceBegun", "{'type':'object','required':['id'],'properties':{'id':{'type':'integer'}}}" },
    { "Trace",
      "{'type':'object','required':['events'],'properties':{'events':{'type':'array','items':{'type':'object',"
      "'properties':{'n':{'type':'integer'},'at-ms':{'type':'integer','description':'since 1970'},"
      "'conversation':{'type':'string'},'message':{'type':'string','description':'the same for all events of one "
      "message, on both legs; empty: it is about none'},'sip':{'type':'string'},'xmpp':{'type':'string'},"
      "'result':{'enum':['ok','failed','note']},'between':{'type':'string','description':'with text: whom it is "
      "about, as a line; to be put where these are others than before'},'text':{'type':'string'},"
      "'leg':{'enum':['sip','gateway','xmpp','stream']},'direction':{'enum':['in','out','here']},"
      "'what':{'type':'string'},'details':{'type':'string'},'body':{'type':'string'}}}},"
      "'next':{'type':'integer','description':'after of the next request'},'dropped':{'type':'integer'},"
      "'left-s':{'type':'integer'},'bodies':{'type':'boolean'},'head':{'type':'string'}}}" },
    { "NewMessageTest",
      "{'type':'object','additionalProperties':false,'required':['from','to'],'properties':{'from':{'type':'string'},"
      "'to':{'type':'string'},'text':{'type':'string','maxLength':1000,'description':"
      "'without it a text that says what it is'}}}" },
    { "MessageTestBegun", "{'type':'object','required':['id'],'properties':{'id':{'type':'integer'}}}" },
    { "MessageTest",
      "{'type':'object','required':['id','done'],'properties':{'id':{'type':'integer'},'from':{'type':'string'},"
      "'to':{'type':'string'},'way':{'enum':['sip-to-xmpp','xmpp-to-sip']},'done':{'type':'boolean'},"
      "'took-ms':{'type':'integer'},'result':{'enum':['success','failure']},"
      "'latency-ms':{'type':['integer','null']},'error':{'type':'string'},'diagnosis':{'type':'string'},"
      "'conversation':{'type':'string'}}}" },
    { "Finding",
      "{'type':'object','properties':{'mark':{'enum':['ok','note','warning','failed']},'area':{'type':'string'},'check'"
      ":{'type':'string',"
      "'description':'a word for programs'},'about':{'type':'string'},'text':{'type':'string'},"
      "'remedy':{'type':'string'},'line':{'type':'string','description':'a line of a zone file, or a command'}}}" },
    { "DnsRecords",
      "{'type':'object','required':['items','notes'],'properties':{'items':{'type':'array','items':{'type':'object',"
      "'properties':{'domain':{'type':'string'},'name':{'type':'string'},'type':{'enum':['SRV','A','AAAA','TLSA','CAA']"
      "},"
      "'ttl':{'type':'integer'},'data':{'type':'string'},'line':{'type':'string'},'optional':{'type':'boolean'},"
      "'why':{'type':'string'}}}},'notes':{'type':'array','items':{'$ref':'#/components/schemas/Finding'}}}}" },
    { "NewCheck",
      "{'type':'object','additionalProperties':false,'required':['what'],'properties':{'what':{'enum':['dns','all']},"
      "'domains':{'type':'array','maxItems':500,'items':{'type':'string'}},'resolvers':{'type':'array','maxItems':2,"
      "'items':{'type':'string','description':'ip, or ip@port'}}}}" },
    { "CheckBegun", "{'type':'object','required':['id'],'properties':{'id':{'type':'integer'}}}" },
    { "AcmeOrder",
      "{'type':'object','required':['id','done'],'properties':{'id':{'type':'integer'},'done':{'type':'boolean'},"
      "'works':{'type':'boolean'},'verdict':{'type':'string'},'failures':{'type':'integer'},'next-try':{'type':["
      "'string','null']},'renews':{'type':['string','null'],'description':'when it is asked for again by itself'},"
      "'terms':{'type':'string','description':'the terms of service that have to be agreed to'}}}" },
    { "Check",
      "{'type':'object','required':['id','done','findings'],'properties':{'id':{'type':'integer'},"
      "'done':{'type':'boolean'},'works':{'type':'boolean'},'verdict':{'type':'string'},'took-ms':{'type':'integer'},"
      "'findings':{'type':'array','items':{'$ref':'#/components/schemas/Finding'}},'left-out':{'type':'integer'}}}" },
    { "Service",
      "{'type':'object','required':['state','held','queued','streams'],'properties':{'state':{'enum':['serving',"
      "'draining','drained','leaving','stopping']},'held':{'type':'integer','description':'messages that wait for "
      "XMPP'},"
      "'queued':{'type':'integer','description':'messages that wait for SIP'},'sessions':{'type':'integer'},"
      "'streams':{'type':'integer'},'stop-within-s':{'type':'integer'},'pid':{'type':'integer'},"
      "'version':{'type':'string'},'uptime-s':{'type':'integer'},'unit':{'type':['string','null']},'handing-over':{'"
      "type':'boolean'},'hand-over-fault':{'type':'string'}}}" },
    { "ServiceAction", "{'type':'object','additionalProperties':false,'required':['action'],'properties':{"
                       "'action':{'enum':['drain','resume','stop','hand-over']}}}" },
    { "NewPresenceTest",
      "{'type':'object','additionalProperties':false,'required':['sip','xmpp'],'properties':{'sip':{'type':'string'},"
      "'xmpp':{'type':'string'},'way':{'enum':['both','sip-to-xmpp','xmpp-to-sip'],'default':'both','description':"
      "'sip-to-xmpp: the SIP user watches'}}}" },
    { "PresenceTestBegun", "{'type':'object','required':['id'],'properties':{'id':{'type':'integer'}}}" },
    { "PresenceTest",
      "{'type':'object','required':['id','done'],'properties':{'id':{'type':'integer'},'sip':{'type':'string'},"
      "'xmpp':{'type':'string'},'done':{'type':'boolean'},'took-ms':{'type':'integer'},'steps':{'type':'array','items':"
      "{"
      "'type':'object','properties':{'ms':{'type':'integer'},'step':{'type':'string'},"
      "'result':{'enum':['ok','failed','note']},'text':{'type':'string'}}}},'works':{'type':'boolean'},"
      "'fault':{'enum':['none','policy','partner','blocked','route','type','unreachable','refused','pending','other']},"
      "'verdict':{'type':'string'}}}" },
    { "Closed", "{'type':'object','properties':{'changed':{'type':'boolean'}}}" },
    { "Effective",
      "{'type':'object','properties':{'user':{'type':'string'},'allowed':{'type':'boolean'},"
      "'served':{'type':'boolean'},'org':{'type':'boolean'},'site':{'type':['string','null']},"
      "'policy':{'type':['string','null']},'level':{'enum':['user','site','global']},"
      "'federation':{'type':'boolean'},'xmpp':{'type':'boolean'},'why':{'type':'string'},"
      "'with':{'type':'object','description':'only when it was asked for; null: there is none','properties':{"
      "'address':{'type':'string'},'partner':{'type':['string','null']},'type':{'type':['string','null']},"
      "'partner-presence':{'type':'boolean'},'route':{'type':['string','null']},"
      "'route-presence':{'type':'boolean'},'block':{'type':['string','null'],'description':"
      "'the entry that keeps them apart'},'blocked':{'type':['string','null'],'description':"
      "'why they are kept apart'}}}}}" },
    { "Matrix",
      "{'type':'object','properties':{'rows':{'type':'array','minItems':18,'maxItems':18,'items':{'type':'object',"
      "'properties':{'row':{'type':'integer'},'tls':{'$ref':'#/components/schemas/Need'},"
      "'sasl':{'$ref':'#/components/schemas/Need'},'dialback':{'type':'boolean'},'methods':{'type':'array','items':{"
      "'enum':['sasl-over-tls','dialback-over-tls','dialback-over-tcp']}},"
      "'verdict':{'enum':['ok','warning','invalid']},'reason':{'type':['string','null']}}}}}}" },
    { "Need", "{'enum':['required','optional','not-supported']}" },
    { "Role", "{'enum':['reader','helpdesk','administrator']}" },
    { "Audit", "{'type':'object','properties':{'items':{'type':'array','items':{'type':'object','properties':{"
               "'seq':{'type':'integer'},'line':{'type':'integer'},'at':{'type':'string','format':'date-time'},"
               "'who':{'type':'string'},'by':{'enum':['session','token','socket','gateway']},'from':{'type':'string'},"
               "'action':{'enum':['new','set','remove','trace','test','contact','export']},'kind':{'type':'string'},"
               "'name':{'type':'string'},'before':{'type':['object','null']},'after':{'type':['object','null']}}}},"
               "'next':{'type':['integer','null']},'next-line':{'type':['integer','null']}}}" },
    { "Changes",
      "{'type':'object','required':['changes'],'properties':{'changes':{'type':'array','maxItems':200000,'items':{"
      "'type':'object','required':['op','kind'],'properties':{'op':{'enum':['new','set','put','remove']},"
      "'kind':{'type':'string'},'name':{'type':'string'},'values':{'type':'object'},"
      "'if-revision':{'type':'integer','minimum':0}}}}}}" },
    { "Changed",
      "{'type':'object','properties':{'changed':{'type':'integer'},'results':{'type':'array','items':{'type':'object',"
      "'properties':{'kind':{'type':'string'},'name':{'type':'string'},'before':{'type':['object','null']},"
      "'after':{'type':['object','null']}}}},'warnings':{'type':'array','items':{'type':'string'}}}}" },
    { "User", "{'type':'object','properties':{'name':{'type':'string'},'revision':{'type':'integer'},"
              "'role':{'$ref':'#/components/schemas/Role'},'locked':{'type':'boolean'},'description':{'type':'string'},"
              "'state':{'type':'object','description':'with state=any','properties':{'sessions':{'type':'integer'},"
              "'waits-s':{'type':'integer','description':'until a password is tried again'}}}}}" },
    { "Users", "{'type':'object','properties':{'items':{'type':'array','items':{'$ref':'#/components/schemas/User'}},"
               "'next':{'type':['string','null']},'total':{'type':'integer'}}}" },
    { "UserEdit", "{'type':'object','additionalProperties':false,'properties':{"
                  "'role':{'$ref':'#/components/schemas/Role'},'locked':{'type':'boolean'},'password':{'type':'string',"
                  "'minLength':12,'writeOnly':true},'description':{'type':'string'}}}" },
    { "NewUser", "{'type':'object','additionalProperties':false,'required':['name','password'],'properties':{"
                 "'name':{'type':'string'},'role':{'$ref':'#/components/schemas/Role'},'locked':{'type':'boolean'},"
                 "'password':{'type':'string','minLength':12,'writeOnly':true},'description':{'type':'string'}}}" },
    { "UserChanged", "{'type':'object','properties':{'item':{'anyOf':[{'$ref':'#/components/schemas/User'},"
                     "{'type':'null'}]},'changed':{'type':'boolean'},'warnings':{'type':'array','items':{"
                     "'type':'string'}}}}" },
    { "Token", "{'type':'object','properties':{'name':{'type':'string'},'revision':{'type':'integer'},"
               "'role':{'$ref':'#/components/schemas/Role'},'expires':{'type':'integer','description':"
               "'seconds since 1970; 0: never'},'description':{'type':'string'}}}" },
    { "Tokens", "{'type':'object','properties':{'items':{'type':'array','items':{'$ref':'#/components/schemas/Token'}},"
                "'next':{'type':['string','null']},'total':{'type':'integer'}}}" },
    { "NewToken", "{'type':'object','additionalProperties':false,'required':['name'],'properties':{"
                  "'name':{'type':'string'},'role':{'$ref':'#/components/schemas/Role'},'expires':{'type':'integer',"
                  "'minimum':1,'description':'seconds from now'},'description':{'type':'string'}}}" },
    { "TokenChanged", "{'type':'object','properties':{'item':{'anyOf':[{'$ref':'#/components/schemas/Token'},"
                      "{'type':'null'}]},'changed':{'type':'boolean'},'warnings':{'type':'array','items':{"
                      "'type':'string'}}}}" },
    { "TokenMade", "{'type':'object','properties':{'token':{'type':'string','description':'shown this once'},"
                   "'item':{'$ref':'#/components/schemas/Token'},'changed':{'type':'boolean'},"
                   "'warnings':{'type':'array','items':{'type':'string'}}}}" },
    { "Certificate",
      "{'type':'object','required':['name','state'],'properties':{'name':{'type':'string'},'revision':{'type':'integer'"
      "},"
      "'use':{'enum':['federation','sip','admin']},'profile':{'enum':['server','server+client']},"
      "'friendly-name':{'type':'string'},'key-type':{'enum':['rsa-2048','rsa-3072','rsa-4096','p256']},"
      "'exportable':{'type':'boolean'},'common-name':{'type':'string'},'organization':{'type':'string'},"
      "'unit':{'type':'string'},'country':{'type':'string'},'state-or-province':{'type':'string'},"
      "'locality':{'type':'string'},'names':{'type':'array','items':{'type':'string'}},"
      "'sip-domains':{'type':'array','items':{'type':'string'}},"
      "'acme-order':{'anyOf':[{'type':'null'},{'$ref':'#/components/schemas/AcmeOrder'}]},"
      "'state':{'enum':['requested','installed','renewing','request-fails','renewal-fails']},'requested':{'type':['"
      "string','null']},"
      "'installed':{'type':['string','null']},'request':{'type':['string','null'],'description':'PEM'},"
      "'request-text':{'type':['string','null']},'chain':{'type':['string','null'],'description':'PEM'},"
      "'certificate':{'type':['object','null']},'assigned':{'type':'array','items':{'type':'string'}}}}" },
    { "Certificates", "{'type':'object','required':['items','next'],'properties':{'items':{'type':'array','items':{"
                      "'$ref':'#/components/schemas/Certificate'}},'next':{'type':['string','null']}}}" },
    { "CertificateAnswers",
      "{'type':'object','additionalProperties':false,'properties':{'use':{'type':'string'},'profile':{'type':'string'},"
      "'friendly-name':{'type':'string'},'key-type':{'type':'string'},'exportable':{'type':'boolean'},"
      "'common-name':{'type':'string'},'organization':{'type':'string'},'unit':{'type':'string'},"
      "'country':{'type':'string'},'state-or-province':{'type':'string'},'locality':{'type':'string'},"
      "'names':{'type':'array','maxItems':100,'items':{'type':'string'}},'sip-domains':{'type':'array','maxItems':100,"
      "'items':{'type':'string'}}}}" },
    { "NewCertificate",
      "{'type':'object','additionalProperties':false,'required':['name'],'properties':{'name':{'type':'string'},"
      "'use':{'type':'string'},'profile':{'type':'string'},'friendly-name':{'type':'string'},"
      "'key-type':{'type':'string'},'exportable':{'type':'boolean'},'common-name':{'type':'string'},"
      "'organization':{'type':'string'},'unit':{'type':'string'},'country':{'type':'string'},"
      "'state-or-province':{'type':'string'},'locality':{'type':'string'},'names':{'type':'array','maxItems':100,"
      "'items':{'type':'string'}},'sip-domains':{'type':'array','maxItems':100,'items':{'type':'string'}}}}" },
    { "CertificateChanged",
      "{'type':'object','properties':{'item':{'anyOf':[{'$ref':'#/components/schemas/Certificate'},{'type':'null'}]},"
      "'changed':{'type':'boolean'},'warnings':{'type':'array','items':{'type':'string'}},'log':{'type':'array','items'"
      ":{"
      "'type':'string'}},'defects':{'type':'array','items':{'$ref':'#/components/schemas/CertificateDefect'}}}}" },
    { "CertificateRemoved", "{'type':'object','properties':{'item':{'type':'null'},'changed':{'type':'boolean'},"
                            "'warnings':{'type':'array','items':{'type':'string'}}}}" },
    { "CertificateDefect",
      "{'type':'object','required':['kind','weight','text'],'properties':{'kind':{'type':'string'},"
      "'weight':{'enum':['hint','serious','fatal']},'text':{'type':'string'}}}" },
    { "CertificateFile",
      "{'type':'object','required':['data'],'properties':{'data':{'type':'string','writeOnly':true,'description':"
      "'base64 of PEM, DER, PKCS#7 or PKCS#12'},'key':{'type':'string','writeOnly':true},'passphrase':{'type':'string',"
      "'writeOnly':true}},'description':'and any of CertificateAnswers'}" },
    { "CertificateExportWish",
      "{'type':'object','additionalProperties':false,'properties':{'form':{'enum':['pem','pkcs12']},'key':{"
      "'type':'boolean'},'passphrase':{'type':'string','minLength':8,'writeOnly':true}}}" },
    { "CertificateExport", "{'type':'object','properties':{'form':{'type':'string'},'key':{'type':'boolean'},'data':{"
                           "'type':'string','description':'base64 of the file'}}}" },
    { "CertificateUses",
      "{'type':'object','additionalProperties':false,'properties':{'domains':{'type':'array','maxItems':1000,'items':{"
      "'type':'string'}},'sip':{'type':'boolean'},'admin':{'type':'boolean'}}}" },
    { "CertificateAssigned",
      "{'type':'object','properties':{'changed':{'type':'boolean'},'log':{'type':'array','items':{"
      "'type':'string'}},'warnings':{'type':'array','items':{'type':'string'}}}}" },
    { "CertificateCheck",
      "{'type':'object','required':['verdict','items'],'properties':{'verdict':{'enum':['good','doubtful','broken']},"
      "'items':{'type':'array','items':{'type':'object','properties':{'of':{'type':'string'},'certificate':{"
      "'type':'string'},'good':{'type':'boolean'},'not-after':{'type':['string','null']},'days-left':{'type':'integer'}"
      ","
      "'defects':{'type':'array','items':{'$ref':'#/components/schemas/CertificateDefect'}}}}}}}" },
    { "Session", "{'type':'object','properties':{'name':{'type':'string'},'role':{'$ref':'#/components/schemas/Role'},"
                 "'csrf':{'type':'string'},'expires':{'type':'integer','description':'seconds left'}}}" },
    { "Sessions",
      "{'type':'object','required':['items'],'properties':{'items':{'type':'array','items':{'type':'object',"
      "'properties':{'id':{'type':'integer'},'name':{'type':'string'},'from':{'type':'string'},"
      "'agent':{'type':'string'},'age-s':{'type':'integer'},'idle-s':{'type':'integer'},"
      "'own':{'type':'boolean','description':'the one that asks'}}}}}}" },
    { "Login", "{'type':'object','additionalProperties':false,'required':['name','password'],'properties':{"
               "'name':{'type':'string'},'password':{'type':'string','writeOnly':true}}}" },
    { "PasswordChange", "{'type':'object','additionalProperties':false,'required':['old','new'],'properties':{"
                        "'old':{'type':'string','writeOnly':true},"
                        "'new':{'type':'string','minLength':12,'writeOnly':true}}}" },
    { "Setup", "{'type':'object','additionalProperties':false,'required':['token','name','password'],'properties':{"
               "'token':{'type':'string'},'name':{'type':'string'},'password':{'type':'string','minLength':12,"
               "'writeOnly':true}}}" },
};

/* The texts above are written with ' for ", which none of them holds. */
static json_t *load(const char *text)
{
    json_error_t fault;
    bool no_memory;
    struct buf b;
    json_t *v;

    buf_init(&b, 8192);
    buf_str(&b, text);
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] == '\'')
            b.p[i] = '"';
    v = buf_ok(&b) ? json_read(buf_slice(&b), &fault, &no_memory) : NULL;
    buf_free(&b);
    return v;
}

void openapi_kind_name(const struct setting_kind *kind, char out[32])
{
    bool up = true;
    size_t n = 0;

    for (const char *p = kind->noun; *p && n < 31; p++) {
        if (*p != '-')
            out[n++] = up ? (char)(*p & ~0x20) : *p;
        up = *p == '-';
    }
    out[n] = '\0';
}

static json_t *choices_json(struct openapi *d, const struct setting *s)
{
    json_t *list = json_array();

    for (size_t i = 0; list && s->choices[i]; i++)
        openapi_add(d, list, json_string(s->choices[i]));
    return list;
}

/* One value of the setting; of a list, one entry. */
static json_t *value_schema(struct openapi *d, const struct setting *s)
{
    switch (s->type) {
    case SETTING_UINT:
        return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)s->min, "maximum",
                         (json_int_t)s->max);
    case SETTING_BOOL: return json_pack("{s:s}", "type", "boolean");
    case SETTING_CHOICE: return json_pack("{s:o}", "enum", choices_json(d, s));
    default: return json_pack("{s:s}", "type", "string");
    }
}

static json_t *list_schema(struct openapi *d, const struct setting *s)
{
    return json_pack("{s:s, s:o, s:i}", "type", "array", "items", value_schema(d, s), "maxItems", (int)s->max);
}

static json_t *default_json(const struct setting *s)
{
    uint64_t n = 0;

    switch (s->type) {
    case SETTING_UINT: slice_u64(slice_str(s->def), UINT32_MAX, &n); return json_integer((json_int_t)n);
    case SETTING_BOOL: return json_boolean(strcmp(s->def, "yes") == 0);
    default: return json_string(s->def);
    }
}

/* What a value looks like, in a word for forms. */
static const char *form_of(const struct setting *s)
{
    static const char *const forms[] = {
        [SETTING_TEXT] = "text",     [SETTING_NAME] = "name",        [SETTING_FILE] = "file",
        [SETTING_DOMAIN] = "domain", [SETTING_USER] = "user",        [SETTING_WHO] = "user-or-domain",
        [SETTING_UINT] = "number",   [SETTING_BOOL] = "flag",        [SETTING_CHOICE] = "choice",
        [SETTING_ADDR] = "address",  [SETTING_HOST] = "host",        [SETTING_DOMAINS] = "domain",
        [SETTING_ADDRS] = "address", [SETTING_HOSTS] = "host",       [SETTING_NETS] = "network",
        [SETTING_TEXTS] = "text",    [SETTING_PATTERNS] = "pattern",
    };

    return forms[s->type];
}

static void describe(struct openapi *d, json_t *schema, const struct setting *s)
{
    openapi_set(d, schema, "description",
                json_sprintf("%s%s%s%s%s%s", s->brief, s->unit ? " (" : "", s->unit ? s->unit : "", s->unit ? ")" : "",
                             s->help ? ". " : "", s->help ? s->help : ""));
    if (setting_is_list(s))
        openapi_set(d, schema, "default", json_array());
    else if (s->def && !s->secret)
        openapi_set(d, schema, "default", default_json(s));
    openapi_set(d, schema, "x-brief", json_string(s->brief));
    if (s->help)
        openapi_set(d, schema, "x-help", json_string(s->help));
    if (s->unit)
        openapi_set(d, schema, "x-unit", json_string(s->unit));
    if (s->group)
        openapi_set(d, schema, "x-group", json_string(s->group));
    if (s->ours)
        openapi_set(d, schema, "readOnly", json_true());
    openapi_set(d, schema, "x-form", json_string(form_of(s)));
    if (s->lync)
        openapi_set(d, schema, "x-lync-name", json_string(s->lync));
    if (s->restart)
        openapi_set(d, schema, "x-restart", json_true());
    if (s->secret)
        openapi_set(d, schema, "x-secret", json_true());
}

/* As it is shown, or as it is given: null resets, lists can be added to. */
static json_t *setting_schema(struct openapi *d, const struct setting *s, bool given)
{
    json_t *value = setting_is_list(s) ? list_schema(d, s) : value_schema(d, s), *schema;

    if (given && setting_is_list(s))
        schema = json_pack("{s:[o, {s:s}, {s:s, s:b, s:{s:o, s:o}}, {s:s}]}", "anyOf", value, "type", "null", "type",
                           "object", "additionalProperties", 0, "properties", "add", list_schema(d, s), "remove",
                           list_schema(d, s), "type", s->lone ? "string" : "null");
    else if (given || s->secret)
        schema = json_pack("{s:[o, {s:s}]}", "anyOf", value, "type", "null");
    else
        schema = value;
    if (schema)
        describe(d, schema, s);
    return schema;
}

enum form { FORM_SHOWN, FORM_EDIT, FORM_NEW };

static json_t *kind_schema(struct openapi *d, const struct setting_kind *kind, enum form form)
{
    json_t *properties = json_object(), *required = json_array();

    for (size_t i = 0; properties && i < kind->n; i++) {
        const struct setting *s = &kind->settings[i];
        json_t *schema;

        schema = setting_schema(d, s, form != FORM_SHOWN);
        if (schema)
            openapi_set(d, schema, "x-order", json_integer((json_int_t)i + 1));
        openapi_set(d, properties, s->name, schema);
        if (form == FORM_NEW && !s->def && !setting_is_list(s))
            openapi_add(d, required, json_string(s->name));
    }
    if (kind->title)
        openapi_set(d, properties, "name", json_pack("{s:s, s:s}", "type", "string", "description", kind->title));
    if (form != FORM_NEW)
        openapi_set(d, properties, "revision", json_pack("{s:s}", "type", "integer"));
    if (form == FORM_NEW && kind->title)
        openapi_add(d, required, json_string("name"));
    return json_pack("{s:s, s:s, s:s, s:b, s:o, s:o}", "type", "object", "x-kind", kind->name, "description",
                     kind->brief, "additionalProperties", 0, "properties", properties, "required", required);
}

static void put(struct openapi *d, json_t *schemas, const char *before, const char *name, const char *behind, json_t *v)
{
    char key[64];

    snprintf(key, sizeof(key), "%s%s%s", before, name, behind);
    openapi_set(d, schemas, key, v);
}

static void put_kind(struct openapi *d, json_t *schemas, const struct setting_kind *kind)
{
    char name[32], ref[80];

    openapi_kind_name(kind, name);
    snprintf(ref, sizeof(ref), "#/components/schemas/%s", name);
    put(d, schemas, "", name, "", kind_schema(d, kind, FORM_SHOWN));
    put(d, schemas, "", name, "Edit", kind_schema(d, kind, FORM_EDIT));
    put(d, schemas, "", name, "Changed",
        json_pack("{s:s, s:{s:{s:[{s:s}, {s:s}]}, s:{s:s}, s:{s:s, s:{s:s}}}}", "type", "object", "properties", "item",
                  "anyOf", "$ref", ref, "type", "null", "changed", "type", "boolean", "warnings", "type", "array",
                  "items", "type", "string"));
    if (!kind->title)
        return;
    put(d, schemas, "New", name, "", kind_schema(d, kind, FORM_NEW));
    put(d, schemas, "", name, "List",
        json_pack("{s:s, s:{s:{s:s, s:{s:s}}, s:{s:[s, s]}}}", "type", "object", "properties", "items", "type", "array",
                  "items", "$ref", ref, "next", "type", "string", "null"));
}

json_t *openapi_schemas(struct openapi *d)
{
    json_t *schemas = json_object();

    for (size_t i = 0; schemas && i < sizeof(fixed) / sizeof(fixed[0]); i++)
        openapi_set(d, schemas, fixed[i].name, load(fixed[i].text));
    for (size_t i = 0; schemas && i < MODEL_N_KINDS; i++)
        if (!model_kinds[i]->internal)
            put_kind(d, schemas, model_kinds[i]);
    return schemas;
}
